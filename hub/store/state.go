package store

import (
	"slices"
	"sort"
	"time"

	"tram/sync/wire"
)

// Bounds on the lists in a device's state.
const (
	maxCheckpoints = 64    // that cannot be judged yet; the newest stay
	maxOffsets     = 1_000 // of its clock; the newest stay
	maxBreaks      = 1_000 // places; the count goes on
)

// deviceState is what the hub knows of one device.
type deviceState struct {
	Site        string              `json:"site,omitempty"`
	Received    wire.Set            `json:"received"`
	Top         wire.Hash           `json:"top"`                 // of the envelope that ends at the highest sequence received
	Discarded   wire.Set            `json:"discarded,omitempty"` // named in signed records of the device
	Discards    map[string]wire.Set `json:"discards,omitempty"`  // the same by reason
	Duplicates  uint64              `json:"duplicates,omitempty"`
	ChainBreaks uint64              `json:"chainBreaks,omitempty"`
	Breaks      []uint64            `json:"breaks,omitempty"` // first sequences of envelopes that do not follow
	Verified    uint64              `json:"verified,omitempty"`
	Held        uint64              `json:"held,omitempty"`       // checkpoints that held
	Mismatches  uint64              `json:"mismatches,omitempty"` // and that did not
	Checkpoints []wire.Checkpoint   `json:"checkpoints,omitempty"`
	Offsets     []wire.ClockOffset  `json:"offsets,omitempty"`
	Online      bool                `json:"online,omitempty"`
	Plain       bool                `json:"plain,omitempty"`  // takes unsigned words only
	Checks      bool                `json:"checks,omitempty"` // has once said that it checks signatures: it is never plain again
	Last        uint64              `json:"last,omitempty"`
	Pending     uint64              `json:"pending,omitempty"`
	FirstSeen   time.Time           `json:"firstSeen"`
	LastSeen    time.Time           `json:"lastSeen"`
}

// seen notes that a device spoke.
func (d *deviceState) seen(site string, now time.Time) {
	if d.FirstSeen.IsZero() {
		d.FirstSeen = now.UTC()
	}
	d.LastSeen = now.UTC()
	if site != "" {
		d.Site = site
	}
}

// missing returns the gaps that nobody explained.
func (d *deviceState) missing() wire.Set {
	if len(d.Received) == 1 && d.Received[0].First == 1 {
		return nil
	}
	known := slices.Clone(d.Received)
	for _, r := range d.Discarded {
		// What was discarded above everything that arrived is not counted yet.
		if r.First < d.Received.Highest() {
			known = known.Add(r)
		}
	}
	return known.Missing()
}

// ack says what the hub has of the device. hash returns the hash of the
// envelope that ends at a sequence.
func (d *deviceState) ack(hash func(last uint64) (wire.Hash, error)) (wire.Ack, error) {
	a := wire.Ack{Highwater: d.Received.Highest(), Hash: d.Top, Missing: d.missing()}
	if len(a.Missing) <= wire.MaxMissing {
		return a, nil
	}
	// Say less rather than something wrong: up to the first gap that does not fit.
	a.Highwater = a.Missing[wire.MaxMissing].First - 1
	a.Missing = a.Missing[:wire.MaxMissing]
	var err error
	a.Hash, err = hash(a.Highwater)
	return a, err
}

// report says what the hub knows; what lies in tables of its own is added by
// the caller.
func (d *deviceState) report(name string) Device {
	out := Device{
		Device: name, Site: d.Site, Highwater: d.Received.Highest(), Missing: d.missing(), Duplicates: d.Duplicates,
		Records: d.Received.Count(), Discards: []Discard{}, Verified: d.Verified, Checkpoints: d.Held, Mismatches: d.Mismatches,
		ChainBreaks: d.ChainBreaks, Online: d.Online, Last: d.Last, Pending: d.Pending, FirstSeen: d.FirstSeen, LastSeen: d.LastSeen,
	}
	if out.Missing == nil {
		out.Missing = []wire.Range{}
	}
	if out.Highwater > 0 {
		out.Discarded = out.Highwater - out.Records - wire.Set(out.Missing).Count()
	}
	for reason, set := range d.Discards {
		out.Discards = append(out.Discards, Discard{reason, set.Count()})
	}
	sort.Slice(out.Discards, func(i, j int) bool { return out.Discards[i].Reason < out.Discards[j].Reason })
	return out
}

// learn takes what the records of an envelope say about the device itself.
func (d *deviceState) learn(events []wire.Event) {
	for i := range events {
		e := &events[i]
		switch e.Type {
		case wire.TypeDiscarded:
			d.explain(e)
		case wire.TypeCheckpoint:
			if c, err := wire.ParseCheckpoint(e.Data); err == nil && c.Last < uint64(e.Sequence) && c.Last > d.Verified {
				d.Checkpoints = append(d.Checkpoints, c)
				if n := len(d.Checkpoints) - maxCheckpoints; n > 0 {
					d.Checkpoints = slices.Delete(d.Checkpoints, 0, n)
				}
			}
		case wire.TypeClockOffset:
			if c, err := wire.ParseClockOffset(e.Data); err == nil {
				d.Offsets = append(d.Offsets, c)
				if n := len(d.Offsets) - maxOffsets; n > 0 {
					d.Offsets = slices.Delete(d.Offsets, 0, n)
				}
			}
		}
	}
}

// explain takes the ranges that a device says it will never deliver. It can
// only speak of what lies before its own record.
func (d *deviceState) explain(e *wire.Event) {
	said, err := wire.ParseDiscarded(e.Data)
	if err != nil {
		return // stored as it is; the gaps stay missing
	}
	for _, r := range said.Ranges {
		if r.Last >= uint64(e.Sequence) || len(d.Discarded) >= maxGaps {
			continue
		}
		d.Discarded = d.Discarded.Add(r)
		reason := said.Reason
		if d.Discards == nil {
			d.Discards = map[string]wire.Set{}
		}
		if _, ok := d.Discards[reason]; !ok && len(d.Discards) >= 16 {
			reason = "other"
		}
		d.Discards[reason] = d.Discards[reason].Add(r)
	}
}

// broken notes that the envelope beginning at seq does not follow the one before.
func (d *deviceState) broken(seq uint64) {
	d.ChainBreaks++
	if len(d.Breaks) < maxBreaks {
		d.Breaks = append(d.Breaks, seq)
	}
}

// judge holds the checkpoints below which nothing is missing against what is
// stored. envelope returns the envelope that holds a sequence.
func (d *deviceState) judge(envelope func(seq uint64) (row, bool, error)) error {
	if len(d.Checkpoints) == 0 {
		return nil
	}
	limit := d.Received.Highest()
	if m := d.missing(); len(m) > 0 {
		limit = m[0].First - 1
	}
	var wait []wire.Checkpoint
	for _, c := range d.Checkpoints {
		if c.Last > limit {
			wait = append(wait, c)
			continue
		}
		r, ok, err := envelope(c.Last)
		switch {
		case err != nil:
			return err
		case !ok: // discarded, as a signed record says: nothing to hold it against
		case r.last != c.Last || r.hash != c.Hash:
			d.Mismatches++
		case slices.ContainsFunc(d.Breaks, func(at uint64) bool { return at <= c.Last }):
		default:
			d.Held++
			d.Verified = max(d.Verified, c.Last)
		}
	}
	d.Checkpoints = wait
	return nil
}
