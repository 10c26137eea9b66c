package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func event(seq uint64) Event {
	return Event{
		SpecVersion: "1.0", ID: fmt.Sprint("id-", seq), Source: Source("desk-1"), Type: "vn.tram.visit.registered.v1",
		Time: time.Unix(1_790_000_000, 0).UTC(), Sequence: Sequence(seq), RecordedTime: time.Unix(1_790_000_001, 0).UTC(),
		BootID: "b", Monotonic: 12345, DataContentType: "application/json", Data: json.RawMessage(`{"idCode":"099099000017"}`),
	}
}

func TestAnEventIsACloudEventWithTheExtensionsOfTheContract(t *testing.T) {
	b, err := MarshalEvents([]Event{event(42)})
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"specversion": "1.0", "source": "urn:tram:device:desk-1", "sequence": "00000000000000000042",
		"prevhash": strings.Repeat("0", 64), "monotonic": "12345", "recordedtime": "2026-09-21T14:13:21Z", "bootid": "b",
	} {
		if got[0][name] != want {
			t.Errorf("%s = %v, want %v", name, got[0][name], want)
		}
	}
	for name := range got[0] {
		if strings.ToLower(name) != name || strings.ContainsAny(name, "_-") {
			t.Errorf("attribute %q is not allowed by CloudEvents", name)
		}
	}
}

func TestParseEventsRefusesWhatDoesNotHangTogether(t *testing.T) {
	change := func(f func(e *Event)) []Event {
		second := event(2)
		f(&second)
		return []Event{event(1), second}
	}
	cases := map[string][]Event{
		"a gap":           change(func(e *Event) { e.Sequence = 3 }),
		"another source":  change(func(e *Event) { e.Source = Source("desk-2") }),
		"another chain":   change(func(e *Event) { e.PrevHash = Hash{1} }),
		"no id":           change(func(e *Event) { e.ID = "" }),
		"no type":         change(func(e *Event) { e.Type = "" }),
		"another version": change(func(e *Event) { e.SpecVersion = "0.3" }),
		"a foreign URN":   change(func(e *Event) { e.Source = "urn:x" }),
		"no time":         change(func(e *Event) { e.Time = time.Time{} }),
		"a control code":  change(func(e *Event) { e.Subject = "a\nb" }),
	}
	for name, events := range cases {
		b, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseEvents(b); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrName) {
			t.Errorf("%s: %v, want ErrFormat or ErrName", name, err)
		}
	}
}

func TestAnEventPrintsNothingOfAPerson(t *testing.T) {
	e := event(7)
	e.Subject = "subject-of-it"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, e); strings.Contains(got, "0990") || strings.Contains(got, "303939") || !strings.Contains(got, "record 7") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestErrorsQuoteNothingOfWhatWasRead(t *testing.T) {
	for _, bad := range []string{
		`[{"specversion":"1.0","time":"099099000017"}]`, `[{"sequence":"099099000017"}]`, `[{"prevhash":"099099000017"}]`, `[{"id":099099000017}]`,
	} {
		if _, err := ParseEvents([]byte(bad)); err == nil || strings.Contains(err.Error(), "099") {
			t.Errorf("ParseEvents(%s): %v", bad, err)
		}
	}
}

func TestTopicsAreCheckedNames(t *testing.T) {
	topic, err := NewTopic("ward-7", "desk-1", Records)
	if err != nil || topic.String() != "tram/v1/ward-7/desk-1/records" {
		t.Errorf("topic %v, %v", topic, err)
	}
	if got, err := ParseTopic(topic.With(Acks).String()); err != nil || got != topic.With(Acks) {
		t.Errorf("ParseTopic = %v, %v", got, err)
	}
	for _, bad := range []string{
		"", "tram/v1/a/b", "tram/v1/a/b/c", "tram/v1/+/b/records", "tram/v1/a/#/records", "tram/v1/a/b/records/x", "tram/v2/a/b/records",
		"tram/v1//b/records", "tram/v1/hub/b/records", "tram/v1/a/../records", "tram/v1/a/-b/records", "tram/v1/a/" + strings.Repeat("b", 65) + "/records",
		HubStateTopic("a"), HubStates,
	} {
		if _, err := ParseTopic(bad); !errors.Is(err, ErrName) {
			t.Errorf("ParseTopic(%q): %v, want ErrName", bad, err)
		}
	}
}

func TestMessagesOfAnotherVersionOrBeyondTheirBoundsAreRefused(t *testing.T) {
	batch := func(e ...Envelope) []byte { return Encode(Batch{Envelopes: e}) }
	cases := map[string]error{}
	for name, b := range map[string][]byte{
		"another version": must(packing.Marshal(packedBatch{V: 2, Envelopes: []packedEnvelope{{First: 1, Count: 1, Rest: []byte("x")}}})),
		"JSON":            []byte(`{"v":1,"envelopes":[{"first":1,"last":1,"sealed":"x"}]}`),
		"shares nothing":  must(packing.Marshal(packedBatch{V: 1, Envelopes: []packedEnvelope{{First: 1, Count: 1, Shared: 1, Rest: []byte("x")}}})),
		"shares too much": must(packing.Marshal(packedBatch{V: 1, Envelopes: []packedEnvelope{{First: 1, Count: 1, Rest: make([]byte, 1000)}, {First: 2, Count: 1, Shared: 513}}})),
		"trailing bytes":  append(batch(Envelope{First: 1, Last: 1, Sealed: []byte("x")}), 0),
		"nothing":         batch(), "backwards": batch(Envelope{First: 2, Last: 1, Sealed: []byte("x")}),
		"too wide": batch(Envelope{First: 1, Last: 1 + MaxEvents, Sealed: []byte("x")}), "zero": batch(Envelope{First: 0, Last: 1, Sealed: []byte("x")}),
		"empty": batch(Envelope{First: 1, Last: 1}), "too large": make([]byte, MaxBatch+1),
	} {
		_, cases["batch: "+name] = ParseBatch(b)
	}
	for name, a := range map[string]Ack{
		"unsorted": {Highwater: 9, Missing: []Range{{5, 6}, {1, 2}}}, "above highwater": {Highwater: 3, Missing: []Range{{2, 4}}},
		"too many": {Highwater: 9999, Missing: make([]Range, MaxMissing+1)},
	} {
		_, cases["ack: "+name] = ParseAck(Encode(a))
	}
	_, cases["state"] = ParseState(Encode(State{State: "perhaps"}))
	_, cases["status"] = ParseStatus(Encode(Status{State: "perhaps"}))
	_, cases["command"] = ParseCommand(Encode(Command{ID: "1"}))
	_, cases["reply"] = ParseReply(Encode(Reply{}))
	_, cases["request"] = ParseRequest(Encode(Request{ID: "1"}))
	_, cases["response"] = ParseResponse(Encode(Response{}))
	_, cases["sealed"] = ParseSealed(Encode(Sealed{}))
	for name, err := range cases {
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

func TestAnAckHasWhatIsBelowItsHighwaterAndNotMissing(t *testing.T) {
	a := Ack{Highwater: 10, Missing: []Range{{3, 4}}}
	for r, want := range map[Range]bool{{1, 2}: true, {1, 3}: false, {4, 4}: false, {5, 10}: true, {5, 11}: false} {
		if got := a.Has(r); got != want {
			t.Errorf("Has(%v) = %v, want %v", r, got, want)
		}
	}
}

func TestASetIsWhatWasAddedToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set Set
		model := map[uint64]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "ranges") {
			first := rapid.Uint64Range(1, 60).Draw(t, "first")
			r := Range{first, first + rapid.Uint64Range(0, 6).Draw(t, "more")}
			set = set.Add(r)
			for i := r.First; i <= r.Last; i++ {
				model[i] = true
			}
		}
		if set.Count() != uint64(len(model)) {
			t.Fatalf("%v has %d sequences, want %d", set, set.Count(), len(model))
		}
		for i := uint64(1); i < 70; i++ {
			one := Range{i, i}
			if set.Contains(one) != model[i] || set.Overlaps(one) != model[i] {
				t.Fatalf("%v: contains %d = %v, want %v", set, i, set.Contains(one), model[i])
			}
			if gap := slices.ContainsFunc(set.Missing(), one.Overlaps); gap != (!model[i] && i < set.Highest()) {
				t.Fatalf("%v: %d missing = %v", set, i, gap)
			}
		}
		for i := 1; i < len(set); i++ {
			if set[i].First <= set[i-1].Last+1 {
				t.Fatalf("%v: ranges touch", set)
			}
		}
	})
}

func FuzzParseEvents(f *testing.F) {
	b, err := MarshalEvents([]Event{event(1), event(2)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`[{}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := ParseEvents(b)
		if err != nil {
			return
		}
		again, err := MarshalEvents(events)
		if err != nil {
			t.Fatalf("what was parsed does not encode: %v", err)
		}
		if _, err := ParseEvents(again); err != nil {
			t.Fatalf("what was encoded does not parse: %v", err)
		}
	})
}

func FuzzMessages(f *testing.F) {
	for _, b := range golden() {
		f.Add(b)
	}
	f.Add(Encode(Batch{Envelopes: []Envelope{{First: 1, Last: 2, Sealed: []byte("a.b.c.d.e")}}}))
	f.Add(Encode(Ack{Highwater: 9, Missing: []Range{{2, 3}}, Rejected: []Rejected{{First: 1, Last: 1, Reason: "seal"}}}))
	f.Add(Encode(State{State: "up", Hub: "x"}))
	f.Add(Encode(Status{State: "online", Instance: "x"}))
	f.Add(Encode(Command{ID: "1", Name: "notice", Data: json.RawMessage(`{}`)}))
	f.Add(Encode(Reply{ID: "1", OK: true}))
	f.Add([]byte(`{"ranges":[[1,2]],"reason":"damaged"}`))
	f.Add([]byte(`{"last":7,"hash":"` + strings.Repeat("0a", 32) + `","records":7,"discarded":1}`))
	f.Add([]byte(`{"bootid":"b","before":5,"offset":-7,"reason":"stepped"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseAck(b); err == nil {
			for _, r := range a.Missing {
				if a.Has(r) {
					t.Errorf("an ack has what it misses: %v", r)
				}
			}
			if _, err := ParseAck(Encode(a)); err != nil {
				t.Errorf("what was parsed does not encode: %v", err)
			}
		}
		if m, err := ParseBatch(b); err == nil {
			if again, err := ParseBatch(Encode(m)); err != nil || len(again.Envelopes) != len(m.Envelopes) {
				t.Errorf("a batch that was parsed does not encode: %v", err)
			}
		}
		_, _ = ParseRequest(b)
		_, _ = ParseResponse(b)
		_, _ = ParseSealed(b)
		_, _ = ParseState(b)
		_, _ = ParseStatus(b)
		_, _ = ParseCommand(b)
		_, _ = ParseReply(b)
		_, _ = ParseDiscarded(b)
		_, _ = ParseCheckpoint(b)
		_, _ = ParseClockOffset(b)
	})
}

func FuzzParseTopic(f *testing.F) {
	f.Add("tram/v1/a/b/records")
	f.Add("tram/v1/+/#/ack")
	f.Fuzz(func(t *testing.T, s string) {
		if topic, err := ParseTopic(s); err == nil && topic.String() != s {
			t.Errorf("ParseTopic(%q) is %q", s, topic)
		}
	})
}

func TestPreparedRecordsJoinToWhatMarshalEventsWrites(t *testing.T) {
	prev := Hash{0xab, 31: 0xcd}
	var events []Event
	var prepared []Prepared
	for i := range uint64(5) {
		e := event(1_000_000 + i)
		e.PrevHash = prev
		e.ID = `"sequence":"1`
		e.Subject = []string{"", "<a&b>", "ạ\u2028", `\`, "plain"}[i]
		e.Clock = []string{"", ClockUnsynced}[i%2]
		if i == 3 {
			e.Data, e.DataContentType = nil, ""
		}
		events = append(events, e)
		p, err := Prepare(e)
		if err != nil {
			t.Fatal(err)
		}
		prepared = append(prepared, p)
	}
	want, err := MarshalEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Join(prepared, events[0].Sequence, prev)
	if err != nil || string(got) != string(want) {
		t.Errorf("Join = %s, %v\nwant %s", got, err, want)
	}
}
