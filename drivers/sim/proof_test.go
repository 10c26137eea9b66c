package sim_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/privacy"
	"tram/drivers/sim"
)

func proved(v emrtd.Verification) string {
	return fmt.Sprint(v.ChipAuthentication, " ", v.ActiveAuthentication, " ", v.Assurance())
}

func TestAGenuineCardProvesBothItsKeys(t *testing.T) {
	for what, x := range map[string]struct {
		pw   emrtd.Password
		opt  []sim.Option
		want string
	}{
		"by CAN":              {canOf(t, "000017"), nil, "ok ok chip-genuine"},
		"by MRZ":              {mrzPassword(t), nil, "ok ok chip-genuine"},
		"in short frames":     {canOf(t, "000017"), []sim.Option{sim.FrameLimit(231)}, "ok ok chip-genuine"},
		"other keys before":   {canOf(t, "000017"), []sim.Option{sim.WithPACE("id-PACE-ECDH-GM-AES-CBC-CMAC-256", 18)}, "ok ok chip-genuine"},
		"unknown signer":      {canOf(t, "000017"), []sim.Option{sim.WrongSigner()}, "ok ok chip"},
		"expired signer":      {canOf(t, "000017"), []sim.Option{sim.ExpiredSigner()}, "ok ok none"},
		"another group false": {canOf(t, "000017"), []sim.Option{sim.TamperDG13()}, "ok ok none"},
		"a copy":              {canOf(t, "000017"), []sim.Option{sim.ClonedChip()}, "failed failed none"},
		"a copy, by MRZ":      {mrzPassword(t), []sim.Option{sim.ClonedChip()}, "failed failed none"},
		// BAC is tried when PACE is refused; the chip refuses Chip Authentication by the same instruction.
		"no MSE":              {mrzPassword(t), []sim.Option{sim.StatusWord(0x22, 0x6D00)}, "not_done ok chip-genuine"},
		"no signature":        {canOf(t, "000017"), []sim.Option{sim.StatusWord(0x88, 0x6D00)}, "ok not_done chip-genuine"},
		"a copy that refuses": {mrzPassword(t), []sim.Option{sim.ClonedChip(), sim.StatusWord(0x22, 0x6D00), sim.StatusWord(0x88, 0x6982)}, "not_done not_done chip-trusted"},
	} {
		t.Run(what, func(t *testing.T) {
			doc := read(t, newCard(t, x.opt...), x.pw)
			v := emrtd.VerifyDocument(doc, trust(t), time.Now())
			if got := proved(v); got != x.want {
				t.Errorf("got %s, want %s; %v", got, x.want, v.Detail)
			}
			if len(doc.Files) != 8 {
				t.Errorf("files: %v, want all that can be read", doc.Files)
			}
			files := emrtd.Verify(doc.Files, trust(t), time.Now())
			if files.ChipAuthentication != "not_done" || files.ActiveAuthentication != "not_done" {
				t.Errorf("files alone: %s, want nothing proved", proved(files))
			}
		})
	}
}

// A proof is bound to the key in the file that the SOD vouches for.
func TestAProofOfAnotherKeyIsNone(t *testing.T) {
	mine, other := read(t, newCard(t), canOf(t, "000017")), read(t, newCard(t), canOf(t, "000017"))
	mixed := *mine
	mixed.Proofs = other.Proofs
	if got := proved(emrtd.VerifyDocument(&mixed, trust(t), time.Now())); got != "not_done failed none" {
		t.Errorf("another chip's proofs: %s", got)
	}
	mixed = *mine
	mixed.Proofs.ActiveAuthentication.Challenge = privacy.New(make([]byte, 8))
	if got := proved(emrtd.VerifyDocument(&mixed, trust(t), time.Now())); got != "ok failed none" {
		t.Errorf("a signature over another challenge: %s", got)
	}
	for group, want := range map[emrtd.FileID]string{emrtd.DG14: "failed ok none", emrtd.DG15: "ok failed none"} {
		mixed = *mine
		mixed.Files = emrtd.Files{}
		for id, b := range mine.Files {
			mixed.Files[id] = slices.Clone(b)
		}
		mixed.Files[group][len(mixed.Files[group])-1] ^= 1
		if v := emrtd.VerifyDocument(&mixed, trust(t), time.Now()); proved(v) != want {
			t.Errorf("%v changed: got %s, want %s; %v", group, proved(v), want, v.Detail)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", mine.Proofs, mine.Proofs, mine.Proofs); !strings.Contains(s, "[redacted]") ||
		strings.Contains(s, fmt.Sprint(mine.Proofs.ActiveAuthentication.Signature.Reveal())) {
		t.Errorf("printed: %s", s)
	}
}

// What the proofs cost: two commands to agree on keys, one signature, which also shows the new keys.
func TestTheProofsCostThreeCommands(t *testing.T) {
	all := read(t, newCard(t), canOf(t, "000017"))
	doc, err := emrtd.Read(t.Context(), newCard(t), canOf(t, "000017"),
		emrtd.Options{Want: []emrtd.FileID{emrtd.DG1, emrtd.DG13, emrtd.DG2}})
	if err != nil {
		t.Fatal(err)
	}
	if got := all.Link.APDUs - doc.Link.APDUs; got != 5 { // and DG14 and DG15 themselves
		t.Errorf("%d commands more than without DG14 and DG15, want 5", got)
	}
	if doc.Proofs.ChipAuthentication.Result != "" || doc.Proofs.ActiveAuthentication.Challenge.IsSet() {
		t.Errorf("a proof without the key: %+v", doc.Proofs)
	}
}

func TestACardTakenAwayWhileItProvesItselfEndsTheRead(t *testing.T) {
	full := read(t, newCard(t), canOf(t, "000017")).Link.APDUs
	for n := full - 3; n < full; n++ {
		if doc, err := emrtd.Read(t.Context(), newCard(t, sim.PulledAfter(n)), canOf(t, "000017"), emrtd.Options{}); err == nil || doc != nil {
			t.Errorf("pulled after %d of %d commands: %v", n, full, err)
		}
	}
}

func TestASavedCardIsVerifiedAgain(t *testing.T) {
	for what, x := range map[string]struct {
		opt  []sim.Option
		want string
	}{
		"genuine":      {nil, "not_done ok chip-genuine"}, // Chip Authentication convinces only who does it
		"a copy":       {[]sim.Option{sim.ClonedChip()}, "failed failed none"},
		"no signature": {[]sim.Option{sim.StatusWord(0x88, 0x6D00)}, "not_done not_done chip-trusted"},
	} {
		dir := t.TempDir()
		if err := emrtd.SaveDocument(dir, read(t, newCard(t, x.opt...), canOf(t, "000017")), nil); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, "proofs.json")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: proofs.json: %v, %v", what, info, err)
		}
		doc, err := emrtd.LoadDocument(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v := emrtd.VerifyDocument(doc, trust(t), time.Now()); proved(v) != x.want {
			t.Errorf("%s: got %s, want %s; %v", what, proved(v), x.want, v.Detail)
		}
		if err := os.Remove(filepath.Join(dir, "proofs.json")); err != nil {
			t.Fatal(err)
		}
		if doc, err = emrtd.LoadDocument(dir, nil); err != nil {
			t.Fatal(err)
		}
		if v := emrtd.VerifyDocument(doc, trust(t), time.Now()); proved(v) != "not_done not_done chip-trusted" {
			t.Errorf("%s, files alone: got %s", what, proved(v))
		}
	}
	dir := t.TempDir()
	if err := emrtd.SaveFiles(dir, emrtd.Files{emrtd.DG1: {0x61, 0}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "proofs.json"), []byte(`{"activeAuthentication":"099099000017"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emrtd.LoadDocument(dir, nil); err == nil || strings.Contains(err.Error(), "0990") {
		t.Errorf("a broken note: %v", err)
	}
}
