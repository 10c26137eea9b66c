package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tram/hub/store"
	"tram/sync/wire"
)

func keepsItsID(t *testing.T, p place) {
	c := newChain(t, "desk-1")
	s := p.open()
	id := s.ID()
	put(t, s, c.add(3))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = p.fresh()
	if len(id) < 16 || s.ID() != id {
		t.Errorf("id %q, then %q", id, s.ID())
	}
	if r := report(t, s, "desk-1"); r.Records != 3 || r.Highwater != 3 || r.Site != "ward-7" || !r.FirstSeen.Equal(noon) {
		t.Errorf("report %+v, want 3 records", r)
	}
}

func storesOnce(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	a, b := c.add(2), c.add(3)
	known, err := s.Known(ctx, []store.Item{a, b})
	if err != nil || known[0] || known[1] {
		t.Errorf("known before they came: %v, %v", known, err)
	}
	out := put(t, s, a, b, a)
	if !slices.Equal(out.Results, []string{store.Stored, store.Stored, store.Duplicate}) {
		t.Errorf("results %q", out.Results)
	}
	if ack := out.Acks["desk-1"]; ack.Highwater != 5 || ack.Hash != c.prev || len(ack.Missing) != 0 {
		t.Errorf("ack %+v, want 5", ack)
	}
	if known, err = s.Known(ctx, []store.Item{a, b, c.add(1)}); err != nil || !known[0] || !known[1] || known[2] {
		t.Errorf("known %v, %v, want the first two", known, err)
	}
	b.Known, b.Events = true, nil
	if out = put(t, s, b); out.Results[0] != store.Duplicate || out.Acks["desk-1"].Highwater != 5 {
		t.Errorf("a known envelope: %+v", out)
	}
	if r := report(t, s, "desk-1"); r.Records != 5 || r.Duplicates != 5 {
		t.Errorf("report %+v, want 5 records and 5 duplicates", r)
	}
}

func namesGaps(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	a, b, d := c.add(3), c.add(2), c.add(3)
	ack := put(t, s, a, d).Acks["desk-1"]
	if ack.Highwater != 8 || fmt.Sprint(ack.Missing) != "[{4 5}]" || ack.Hash != c.prev {
		t.Errorf("ack %+v, want 8 without 4 to 5", ack)
	}
	if r := report(t, s, "desk-1"); fmt.Sprint(r.Missing) != "[{4 5}]" {
		t.Errorf("report %+v, want 4 to 5 missing", r)
	}
	ack = put(t, s, b).Acks["desk-1"]
	if ack.Highwater != 8 || len(ack.Missing) != 0 || ack.Hash != c.prev {
		t.Errorf("ack %+v, want 8 and nothing missing", ack)
	}
	if r := report(t, s, "desk-1"); r.ChainBreaks != 0 || r.Records != 8 || r.Missing == nil {
		t.Errorf("report %+v, want 8 records", r)
	}
}

func refusesConflicts(t *testing.T, p place) {
	s := p.fresh()
	put(t, s, newChain(t, "desk-1").add(2))
	for _, n := range []int{1, 2, 3} {
		other := newChain(t, "desk-1")
		other.boot = "another"
		if got := put(t, s, other.add(n)).Results[0]; got != store.Conflict {
			t.Errorf("%d other records: %q, want a conflict", n, got)
		}
	}
	if r := report(t, s, "desk-1"); r.Rejected != 3 || r.Records != 2 {
		t.Errorf("report %+v, want 3 rejected and 2 records", r)
	}
}

func countsBreaks(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	a := c.add(1)
	c.prev = wire.Hash{9}
	b := c.add(1) // does not name a
	c.prev = wire.Hash{}
	d := c.add(1) // a chain that begins anew
	e := c.add(1)
	put(t, s, e)
	put(t, s, a, d)
	put(t, s, b)
	if r := report(t, s, "desk-1"); r.ChainBreaks != 1 || r.Records != 4 {
		t.Errorf("report %+v, want 1 break", r)
	}
}

func takesDiscards(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	put(t, s, c.add(2))
	c.next = 100
	said := wire.Discarded{Reason: wire.ReasonQuota, Ranges: []wire.Range{{First: 3, Last: 99}, {First: 200, Last: 300}}}
	ack := put(t, s, c.say(wire.TypeDiscarded, said)).Acks["desk-1"]
	if ack.Highwater != 100 || len(ack.Missing) != 0 {
		t.Errorf("ack %+v, want 100 and nothing missing", ack)
	}
	r := report(t, s, "desk-1")
	if r.Discarded != 97 || fmt.Sprint(r.Discards) != "[{quota 97}]" || len(r.Missing) != 0 {
		t.Errorf("report %+v, want 97 discarded by quota", r)
	}
	late := newChain(t, "desk-1")
	late.next = 5
	if out := put(t, s, late.add(1)); out.Results[0] != store.Stored {
		t.Errorf("a record that was discarded and came all the same: %q", out.Results[0])
	}
	if r := report(t, s, "desk-1"); r.Discarded != 96 || r.Records != 4 {
		t.Errorf("report %+v, want 96 discarded and 4 records", r)
	}
}

func verifiesCheckpoints(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	a, b := c.add(5), c.add(5)
	one := c.say(wire.TypeCheckpoint, wire.Checkpoint{Last: 10, Hash: c.prev, Records: 10})
	put(t, s, a, one)
	if r := report(t, s, "desk-1"); r.Verified != 0 {
		t.Errorf("verified %d while records are missing", r.Verified)
	}
	put(t, s, b)
	if r := report(t, s, "desk-1"); r.Verified != 10 || r.Checkpoints != 1 || r.Mismatches != 0 {
		t.Errorf("report %+v, want verified up to 10", r)
	}
	put(t, s, c.say(wire.TypeCheckpoint, wire.Checkpoint{Last: 11, Hash: wire.Hash{7}, Records: 11}))
	if r := report(t, s, "desk-1"); r.Verified != 10 || r.Mismatches != 1 {
		t.Errorf("report %+v, want a mismatch and verified still 10", r)
	}
}

func doesNotVerifyOverABreak(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	put(t, s, c.add(1))
	c.prev = wire.Hash{9}
	put(t, s, c.add(1))
	put(t, s, c.say(wire.TypeCheckpoint, wire.Checkpoint{Last: 2, Hash: c.prev, Records: 2}))
	if r := report(t, s, "desk-1"); r.Verified != 0 || r.ChainBreaks != 1 {
		t.Errorf("report %+v, want nothing verified", r)
	}
}

// clockStory stores records before and after a clock is set, the repair among
// them in the given place, and returns their stamped time.
func clockStory(t *testing.T, s store.Store) {
	c := newChain(t, "desk-1")
	before := c.add(2) // monotonic 1000 and 2000
	before.Events[0].Clock, before.Events[1].Clock = wire.ClockUnsynced, wire.ClockUnsynced
	after := c.add(1) // 3000
	offset := c.say(wire.TypeClockOffset, wire.ClockOffset{BootID: "boot-1", Before: 3000, Offset: int64(time.Hour), Reason: wire.ReasonSynced})
	c.boot = "boot-2"
	c.mono = 0
	other := c.add(1)
	put(t, s, offset, after) // the repair comes before what it repairs
	put(t, s, before, other)
}

func tellsBothTimes(t *testing.T, p place) {
	s := p.fresh()
	clockStory(t, s)
	var repaired []time.Duration
	err := s.Records(ctx, "desk-1", func(r store.Record) error {
		repaired = append(repaired, r.TrueTime.Sub(r.Time))
		if r.Clock != "" {
			t.Errorf("record %d still says its clock is %s", r.Sequence, r.Clock)
		}
		return nil
	})
	if want := []time.Duration{time.Hour, time.Hour, 0, 0, 0}; err != nil || !slices.Equal(repaired, want) {
		t.Errorf("repaired by %v, want %v (%v)", repaired, want, err)
	}
}

func listsRecords(t *testing.T, p place) {
	s := p.fresh()
	var all []store.Item
	for _, device := range []string{"desk-2", "desk-1", "Desk.3"} {
		c := newChain(t, device)
		for range 12 {
			all = append(all, c.add(100))
		}
	}
	put(t, s, all...)
	var order []string
	n := uint64(0)
	err := s.Records(ctx, "", func(r store.Record) error {
		if len(order) == 0 || order[len(order)-1] != r.Device {
			order, n = append(order, r.Device), 0
		}
		n++
		if r.Sequence != n || r.ID != fmt.Sprintf("%s-%d", r.Device, n) || r.Type != "vn.tram.test.v1" || r.Time.Before(noon) {
			return fmt.Errorf("record %+v, want number %d", r, n)
		}
		return nil
	})
	if err != nil || !slices.Equal(order, []string{"Desk.3", "desk-1", "desk-2"}) || n != 1200 {
		t.Errorf("devices %v, %d of the last: %v", order, n, err)
	}
	stop := errors.New("stop")
	if err := s.Records(ctx, "desk-1", func(store.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Records returned %v, want the caller's error", err)
	}
	if err := s.Records(ctx, "nobody", func(store.Record) error { return stop }); err != nil {
		t.Errorf("records of an unknown device: %v", err)
	}
}

// tellsStays: what a device counts is told in numbers, unless it says more than
// may be told.
func tellsStays(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "house-1")
	good := wire.NewStayCount()
	good.Profile, good.From, good.To, good.Stays = "lodging", noon.Add(-24*time.Hour), noon, 9
	good.Reason, good.Age, good.Nationality, good.Nights = map[string]int{"tourism": 9}, map[string]int{}, map[string]int{"VNM": 9}, map[string]int{"1": 9}
	good.Withheld = map[string]int{"age": 9}
	small := wire.NewStayCount()
	small.Add(good)
	small.Profile, small.From, small.To = good.Profile, good.From, good.To
	small.Nights = map[string]int{"1": 8, "2-6": 1}
	put(t, s, c.say(wire.TypeStaysCounted, good), c.say(wire.TypeStaysCounted, small), c.add(1))
	var got []store.Record
	if err := s.Records(ctx, "house-1", func(r store.Record) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Stays == nil || got[0].Stays.Stays != 9 || got[0].Stays.Nights["1"] != 9 || !got[0].Stays.To.Equal(noon) {
		t.Fatalf("records %+v", got)
	}
	if got[1].Stays != nil || got[2].Stays != nil {
		t.Errorf("told of others: %+v, %+v", got[1].Stays, got[2].Stays)
	}
}

func keepsAside(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	it := c.add(2)
	refused := it
	refused.Events, refused.Refused = nil, "unknown-device"
	for range 2 {
		if got := put(t, s, refused).Results[0]; got != "unknown-device" {
			t.Errorf("result %q", got)
		}
	}
	list, err := s.Asides(ctx, 0, 10)
	if err != nil || len(list) != 1 || list[0].Device != "desk-1" || list[0].Site != "ward-7" || list[0].Last != 2 ||
		string(list[0].Sealed) != string(it.Sealed) || list[0].Reason != "unknown-device" {
		t.Fatalf("kept aside: %+v, %v", list, err)
	}
	if more, err := s.Asides(ctx, list[0].Number, 10); err != nil || len(more) != 0 {
		t.Errorf("after the last one: %+v, %v", more, err)
	}
	put(t, s, it) // accepted after all
	if r := report(t, s, "desk-1"); r.Rejected != 0 || r.Records != 2 {
		t.Errorf("report %+v, want nothing aside and 2 records", r)
	}
	var many []store.Item
	for range 1100 {
		r := c.add(1)
		r.Events, r.Refused = nil, "seal"
		many = append(many, r)
	}
	put(t, s, many...)
	if list, err = s.Asides(ctx, 0, 2000); err != nil || len(list) > 1016 || len(list) < 1000 || list[len(list)-1].First != many[1099].First {
		t.Errorf("%d kept aside of 1100, %v; want about the last 1000", len(list), err)
	}
}

func lowerHighwater(t *testing.T, p place) {
	s, c := p.fresh(), newChain(t, "desk-1")
	var all []store.Item
	var hash wire.Hash
	for range 400 {
		c.add(1)
		all = append(all, c.add(1))
		if len(all) == wire.MaxMissing {
			hash = c.prev
		}
	}
	ack := put(t, s, all...).Acks["desk-1"]
	if len(ack.Missing) != wire.MaxMissing || ack.Highwater != 2*wire.MaxMissing || ack.Hash != hash {
		t.Errorf("ack up to %d with %d gaps, want %d and %d", ack.Highwater, len(ack.Missing), 2*wire.MaxMissing, wire.MaxMissing)
	}
}

func sendsCommands(t *testing.T, p place) {
	s := p.fresh()
	c := store.Command{ID: "c-1", Device: "desk-1", Name: "notice", Message: []byte(`{"v":1}`), Issued: noon}
	for range 2 {
		if err := s.AddCommand(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(device string, now, again time.Time) int {
		t.Helper()
		list, err := s.Claim(ctx, device, now, again, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range list {
			if got.ID != "c-1" || got.Site != "ward-7" || string(got.Message) != `{"v":1}` {
				t.Errorf("claimed %+v", got)
			}
		}
		return len(list)
	}
	if n := claim("", noon, noon); n != 0 {
		t.Errorf("%d commands for a device that was never seen", n)
	}
	status := func(state string) {
		t.Helper()
		_, err := s.Put(ctx, store.Arrivals{Heard: []store.Heard{{Device: "desk-1", Site: "ward-7", Status: wire.Status{State: state, Last: 7, Pending: 3}}}}, noon)
		if err != nil {
			t.Fatal(err)
		}
	}
	status("offline")
	if n := claim("", noon, noon); n != 0 {
		t.Errorf("%d commands for a device that is offline", n)
	}
	status("online")
	if r := report(t, s, "desk-1"); !r.Online || r.Last != 7 || r.Pending != 3 || r.Commands != 1 {
		t.Errorf("report %+v, want online, 3 of 7 pending, 1 command", r)
	}
	if n := claim("", noon, noon); n != 1 {
		t.Errorf("%d commands for a device that is online, want 1", n)
	}
	if n := claim("desk-1", noon, noon); n != 0 {
		t.Errorf("%d commands that were sent already", n)
	}
	if n := claim("desk-1", noon.Add(time.Minute), noon.Add(time.Second)); n != 1 {
		t.Errorf("%d commands after a minute without a reply, want 1", n)
	}
	reply := func(device string, ok bool) {
		t.Helper()
		if _, err := s.Put(ctx, store.Arrivals{Answers: []store.Answer{{Device: device, ID: "c-1", OK: ok, Raw: []byte(`{"v":1,"id":"c-1"}`)}}}, noon); err != nil {
			t.Fatal(err)
		}
	}
	reply("desk-2", true) // not its command
	if got, err := s.Command(ctx, "c-1"); err != nil || !got.Answered.IsZero() || got.Sent != 2 {
		t.Errorf("command %+v, %v, want sent twice and not answered", got, err)
	}
	reply("desk-1", true)
	reply("desk-1", false) // the first counts
	got, err := s.Command(ctx, "c-1")
	if err != nil || !got.OK || !got.Answered.Equal(noon) || string(got.Reply) != `{"v":1,"id":"c-1"}` {
		t.Errorf("command %+v, %v, want answered", got, err)
	}
	if n := claim("desk-1", noon.Add(time.Hour), noon.Add(time.Hour)); n != 0 {
		t.Errorf("an answered command is sent again")
	}
	if _, err := s.Command(ctx, "c-2"); !errors.Is(err, store.ErrNoCommand) {
		t.Errorf("an unknown command: %v", err)
	}
}

// likeASet holds a store against a plain set, whatever order envelopes come in.
func likeASet(t *testing.T, p place) {
	s := p.fresh()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		c := newChain(t, fmt.Sprintf("desk-%d", n))
		var all []store.Item
		for range rapid.IntRange(1, 12).Draw(rt, "envelopes") {
			all = append(all, c.add(rapid.IntRange(1, 5).Draw(rt, "records")))
		}
		var want wire.Set
		duplicates := uint64(0)
		come := rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 1, 20).Draw(rt, "come")
		for len(come) > 0 {
			k := rapid.IntRange(1, len(come)).Draw(rt, "together")
			var items []store.Item
			for _, i := range come[:k] {
				span := wire.Range{First: all[i].First, Last: all[i].Last}
				if want.Contains(span) {
					duplicates += span.Len()
				}
				want = want.Add(span)
				items = append(items, all[i])
			}
			come = come[k:]
			ack := put(t, s, items...).Acks[c.device]
			if ack.Highwater != want.Highest() || !slices.Equal(ack.Missing, []wire.Range(want.Missing())) {
				rt.Fatalf("ack %+v, want %v", ack, want)
			}
		}
		r := report(t, s, c.device)
		if r.Records != want.Count() || r.Duplicates != duplicates || r.ChainBreaks != 0 || r.Rejected != 0 {
			rt.Fatalf("report %+v, want %d records, %d duplicates", r, want.Count(), duplicates)
		}
	})
}

// remembersWhoChecks: a device that once could check signatures is never told
// unsigned words again, whatever is said in its name.
func remembersWhoChecks(t *testing.T, p place) {
	s := p.fresh()
	plain := func(h store.Heard) bool {
		t.Helper()
		h.Device, h.Site, h.Status.State = "desk-1", "ward-7", "online"
		out, err := s.Put(ctx, store.Arrivals{Heard: []store.Heard{h}}, noon)
		if err != nil {
			t.Fatal(err)
		}
		return out.Plain["desk-1"]
	}
	if !plain(store.Heard{}) || !plain(store.Heard{Status: wire.Status{Plain: true, Format: "tram2"}}) {
		t.Error("a device that cannot check signatures is told signed words")
	}
	if plain(store.Heard{Status: wire.Status{Format: "tram2"}}) || plain(store.Heard{}) || plain(store.Heard{Status: wire.Status{Plain: true}}) {
		t.Error("a device that checks signatures is told unsigned words")
	}
}
