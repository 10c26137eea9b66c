package wire

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestTheOutboxesOwnRecordsAreReadAsTheyAreWritten(t *testing.T) {
	c := Checkpoint{Last: 7, Hash: Hash{1}, Records: 6, Discarded: 2}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseCheckpoint(b); err != nil || got != c {
		t.Errorf("ParseCheckpoint = %+v, %v; want %+v", got, err, c)
	}
	o := ClockOffset{BootID: "b", Before: 50, Offset: -int64(time.Hour), Reason: ReasonStepped}
	if b, err = json.Marshal(o); err != nil {
		t.Fatal(err)
	}
	if got, err := ParseClockOffset(b); err != nil || got != o {
		t.Errorf("ParseClockOffset = %+v, %v; want %+v", got, err, o)
	}
	for _, bad := range []string{`{}`, `[]`, `{"last":0}`, `{"last":1,"records":1,"discarded":2}`} {
		if _, err := ParseCheckpoint([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("ParseCheckpoint(%s): %v, want ErrFormat", bad, err)
		}
	}
	for _, bad := range []string{`{}`, `{"bootid":"","before":1}`, `{"bootid":"b","before":0}`} {
		if _, err := ParseClockOffset([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("ParseClockOffset(%s): %v, want ErrFormat", bad, err)
		}
	}
}

func TestAClockOffsetRepairsWhatItsBootStampedBefore(t *testing.T) {
	o := ClockOffset{BootID: "b", Before: 100, Offset: int64(10 * time.Hour)}
	for name, c := range map[string]struct {
		event Event
		want  bool
	}{
		"before": {Event{BootID: "b", Monotonic: 99}, true}, "at": {Event{BootID: "b", Monotonic: 100}, false},
		"another boot": {Event{BootID: "a", Monotonic: 1}, false},
	} {
		if got := o.Applies(&c.event); got != c.want {
			t.Errorf("%s: Applies = %v, want %v", name, got, c.want)
		}
	}
	stamped := time.Unix(100, 0)
	if got := o.Repair(stamped); !got.Equal(stamped.Add(10 * time.Hour)) {
		t.Errorf("Repair = %v", got)
	}
}
