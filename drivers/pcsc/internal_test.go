package pcsc

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ebfe/scard"
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

func TestACardSwappedBetweenTwoLooksIsTwoEvents(t *testing.T) {
	r := NewReader("", nil)
	w := &watch{reader: r, name: "reader"}
	const card = scard.StatePresent
	for _, step := range []struct {
		flags scard.StateFlag
		count int
		want  []Kind
	}{
		{scard.StateEmpty, 0, nil},
		{card, 1, []Kind{CardPresent}},
		{card | scard.StateInuse, 1, nil}, // somebody connected to it
		{card, 3, []Kind{CardGone, CardPresent}},
		{card | scard.StateMute, 5, []Kind{CardGone}},
		{scard.StateEmpty, 6, nil},
		{scard.StateEmpty, 8, nil}, // came and went: there is nothing to read
	} {
		err := w.changed(scard.ReaderState{EventState: step.flags | scard.StateChanged | scard.StateFlag(step.count)<<16})
		if err != nil {
			t.Fatal(err)
		}
		var got []Kind
		for len(r.Events()) > 0 {
			got = append(got, (<-r.Events()).Kind)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("flags %x, count %d: events %q, want %q", step.flags, step.count, got, step.want)
		}
	}
	if err := w.changed(scard.ReaderState{EventState: scard.StateUnavailable}); !errors.Is(err, ErrNoReader) {
		t.Errorf("an unavailable reader gives %v, want ErrNoReader", err)
	}
}

func TestErrorsOfPCSCBecomeWhatACallerDecidesBy(t *testing.T) {
	for code, want := range map[scard.Error]error{
		scard.ErrNoService: ErrNoService, scard.ErrServiceStopped: ErrNoService, scard.ErrInvalidHandle: ErrNoService,
		scard.ErrUnknownReader: ErrNoReader, scard.ErrNoSmartcard: ErrNoCard, scard.ErrRemovedCard: ErrCardGone,
		scard.ErrSharingViolation: ErrInUse, scard.ErrNoAccess: ErrRefused,
	} {
		if err := explain(code); !errors.Is(err, want) || !errors.Is(err, code) {
			t.Errorf("explain(%v) = %v, want %v around it", code, err, want)
		}
	}
}
