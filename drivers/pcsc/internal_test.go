package pcsc

import (
	"strings"
	"testing"
)

func TestReaderNamesMatchExactlyThenAsBeginningThenAsPart(t *testing.T) {
	names := []string{"ACS ACR1252 Reader 01 00", "ACS ACR1252", "HID Omnikey 5022 00 00", "ACS ACR122U 02 00"}
	for _, c := range []struct{ want, got string }{
		{"", names[0]},
		{"ACS ACR1252", names[1]},
		{"ACS ACR122", names[3]},
		{"ACS", names[0]},
		{"omnikey", names[2]},
		{"Gemalto", ""},
	} {
		got, ok := match(names, c.want)
		if got != c.got || ok != (c.got != "") {
			t.Errorf("match(%q) = %q, %v; want %q", c.want, got, ok, c.got)
		}
	}
	if _, ok := match(nil, ""); ok {
		t.Error("match found a reader where there is none")
	}
}

func TestNoNameIsWaitedOnTwiceAtOnce(t *testing.T) {
	seen := map[string]bool{}
	for range 40 {
		name := takePnP()
		defer give(name)
		if seen[name] {
			t.Fatalf("%q was given out twice", name)
		}
		seen[name] = true
		if !strings.EqualFold(name, `\\?PnP?\Notification`) {
			t.Errorf("%q is not the name that PC/SC knows", name)
		}
	}
	if !take("reader") || take("reader") {
		t.Error("a taken reader was given out twice")
	}
	give("reader")
	if !take("reader") {
		t.Error("a returned reader stays taken")
	}
	give("reader")
}

func TestEventsThatNobodyTakesDropTheOldest(t *testing.T) {
	r := NewReader("", nil)
	for range eventQueue {
		r.emit(Event{Kind: CardPresent})
		r.emit(Event{Kind: CardGone})
	}
	if got := len(r.Events()); got != eventQueue {
		t.Errorf("%d events wait, want %d", got, eventQueue)
	}
	var last Event
	for len(r.Events()) > 0 {
		last = <-r.Events()
	}
	if last.Kind != CardGone {
		t.Errorf("the last event is %q, want %q", last.Kind, CardGone)
	}
}
