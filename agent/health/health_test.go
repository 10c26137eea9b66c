package health

import (
	"errors"
	"strings"
	"testing"

	"tram/agent/passage"
	"tram/drivers"
)

func TestAMissingDeviceFailsWithARemedy(t *testing.T) {
	got := Devices([]drivers.Status{
		{Kind: "reader", Name: "ACS", State: drivers.Ready},
		{Kind: "scanner", Name: "/dev/x", State: drivers.Missing, Detail: "no such file"},
	})
	if got[0].Status != OK || got[0].ID != "device.reader" {
		t.Errorf("ready reader: %+v", got[0])
	}
	if got[1].Status != Fail || got[1].Remedy == "" {
		t.Errorf("missing scanner: %+v", got[1])
	}
}

func TestTheRemedyNamesTheRightSetting(t *testing.T) {
	for name, key := range map[string]string{"counter": "camera.source", "gate": "gate.source"} {
		got := Devices([]drivers.Status{{Kind: "camera", Name: name, State: drivers.Missing}})[0]
		if !strings.Contains(got.Remedy, key) {
			t.Errorf("camera %s: remedy %q, want %s in it", name, got.Remedy, key)
		}
	}
}

func TestAnUnreadableTrustStoreIsAFailureAndAnEmptyOneAWarning(t *testing.T) {
	for _, c := range []struct {
		certificates int
		err          error
		want         string
	}{{3, nil, OK}, {0, nil, Warn}, {0, errors.New("bad.cer: not a certificate"), Fail}} {
		if got := Trust(c.certificates, c.err); got.Status != c.want || (c.want != OK && got.Remedy == "") {
			t.Errorf("Trust(%d, %v) = %+v, want %s", c.certificates, c.err, got, c.want)
		}
	}
}

func TestBeingOfflineIsAWarningAndAFullQueueAFailure(t *testing.T) {
	for state, want := range map[string]string{"connected": OK, "offline": Warn, "hub-down": Warn, "duplicate-identity": Fail} {
		if got := Hub(state, 3); got.Status != want || (want != OK && got.Remedy == "") {
			t.Errorf("Hub(%q) = %+v, want %s", state, got, want)
		}
	}
	for bytes, want := range map[int64]string{10: OK, 85: Warn, 100: Fail} {
		if got := Queue(bytes<<20, 100<<20); got.Status != want {
			t.Errorf("Queue(%d MiB of 100) = %+v, want %s", bytes, got, want)
		}
	}
}

func TestASensorThatIsNotBelievedSaysWhatToDo(t *testing.T) {
	if c := Passage(""); c.Status != OK || c.Remedy != "" {
		t.Errorf("one that is believed: %+v", c)
	}
	for _, trouble := range []string{passage.Silent, passage.Noisy, passage.Away} {
		if c := Passage(trouble); c.ID != "passage" || c.Status != Warn || c.Remedy == "" || !strings.Contains(c.Text, "unconfirmed") {
			t.Errorf("%s: %+v", trouble, c)
		}
	}
	for _, c := range Devices([]drivers.Status{{Kind: "relay", State: drivers.Missing}, {Kind: "sensor", State: drivers.Failed}}) {
		if c.Status != Fail || c.Remedy == "" {
			t.Errorf("%+v, want what to do", c)
		}
	}
}

func TestACounterWithoutItsListSaysSo(t *testing.T) {
	if c := List("roster", "roster", false, "take one over"); c.ID != "list.roster" || c.Status != Fail || c.Remedy != "take one over" {
		t.Errorf("without: %+v", c)
	}
	if c := List("roster", "roster", true, "take one over"); c.Status != OK || c.Remedy != "" {
		t.Errorf("with: %+v", c)
	}
}
