package visit

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"tram/drivers/sim"
	"tram/sync/uplink"
	"tram/sync/wire"
)

type hubSays struct {
	r   wire.Response
	err error
}

func (h hubSays) Ask(context.Context, string, any) (wire.Response, error) { return h.r, h.err }

const opaque = "VNEID.eyJhbGciOiJub25lIn0.c2ltdWxhdGVk"

const known = `{"source":"test-verifier","person":{"idCode":"099099000017","personName":"Nguyễn Văn Thử","dateOfBirth":"15/01/1999","gender":"Nam"}}`

func TestACodeThatOnlyTheHubKnowsBecomesARecordOfItsSource(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.opt.Online = hubSays{r: wire.Response{OK: true, Data: json.RawMessage(known)}}
	id, err := c.ScanQR([]byte(opaque))
	if err != nil {
		t.Fatal(err)
	}
	if v := c.await(t, StageConsent); v.Person != nil || v.Code != SourceVNeID {
		t.Errorf("before consent: %+v", v)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	if v := c.await(t, StageCard); v.Assurance != "qr" || v.Person == nil {
		t.Errorf("resolved: %+v", v)
	}
	if err := c.SkipChip(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Source != SourceVNeID || r.Assurance != "qr" || r.Verifier != "test-verifier" || r.Person["idCode"] != "099099000017" {
		t.Errorf("the record has source %q, assurance %q, verifier %q", r.Source, r.Assurance, r.Verifier)
	}
}

func TestACodeThatIsNotResolvedIsSaidAsItIs(t *testing.T) {
	for _, c := range []struct {
		name, want string
		hub        Asker
	}{
		{"nobody to ask", "online_offline", nil},
		{"offline", "online_offline", hubSays{err: uplink.ErrOffline}},
		{"timeout", "online_timeout", hubSays{err: context.DeadlineExceeded}},
		{"other error", "online_offline", hubSays{err: errors.New("x")}},
		{"no verifier", "online_refused", hubSays{r: wire.Response{Text: "no verifier configured"}}},
		{"no data", "online_refused", hubSays{r: wire.Response{OK: true}}},
		{"no source", "online_refused", hubSays{r: wire.Response{OK: true, Data: json.RawMessage(`{"person":{"idCode":"099099000017","personName":"A"}}`)}}},
		{"bars in a field", "online_refused", hubSays{r: wire.Response{OK: true, Data: json.RawMessage(`{"source":"x","person":{"idCode":"099099000017","personName":"A|B"}}`)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newCounter(t, "clinic", nil)
			e.opt.Online = c.hub
			id, err := e.ScanQR([]byte(opaque))
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Consent(id); err != nil {
				t.Fatal(err)
			}
			if v := e.await(t, StageFailed); v.Failure.Code != c.want || v.Person != nil {
				t.Errorf("shown: %+v, %+v, want %s", v, v.Failure, c.want)
			}
			e.scan(t) // the card's own code begins anew
		})
	}
}

func TestWhatIsNoCodeOfVNeIDIsNotAskedAbout(t *testing.T) {
	for _, text := range []string{"https://example.vn/abcdef", "WIFI:S:x;;", "8934563138165", "short", "a|b|c|d|e|f|g|h"} {
		c := newCounter(t, "clinic", nil)
		if _, err := c.ScanQR([]byte(text)); !errors.Is(err, ErrBadQR) {
			t.Errorf("%q: %v, want ErrBadQR", text, err)
		}
	}
	c := newCounter(t, "hospital-kiosk", nil)
	if _, err := c.ScanQR([]byte(opaque)); !errors.Is(err, ErrBadQR) {
		t.Errorf("at a counter that takes no VNeID: %v", err)
	}
}

func TestACardThatKnowsOnlyBACIsOpenedFromItsCode(t *testing.T) {
	c := newCounter(t, "clinic", nil, sim.WithoutPACE())
	c.scan(t)
	c.Card(true)
	if v := c.await(t, StageConfirm); v.Source != "chip" {
		t.Errorf("%+v", v)
	}
}
