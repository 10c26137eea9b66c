package store

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"tram/sync/wire"
)

// row is what a stored envelope's place in the chain is.
type row struct {
	first, last uint64
	prev, hash  wire.Hash
}

// ledger is what apply needs of a store's transaction.
type ledger interface {
	// around returns the envelope of a device that holds seq.
	around(device string, seq uint64) (row, bool, error)
	// keep stores an envelope and its records' index.
	keep(it *Item, r row) error
	// setAside keeps a refused envelope, once.
	setAside(it *Item, reason string, hash wire.Hash, now time.Time) error
	// takeBack forgets a refusal of an envelope that was accepted after all.
	takeBack(device string, hash wire.Hash) error
}

// devices returns the names of all devices that arrivals speak of, sorted, so
// that every process locks them in the same order.
func (a *Arrivals) devices() []string {
	names := map[string]bool{}
	for i := range a.Items {
		names[a.Items[i].Device] = true
	}
	for i := range a.Heard {
		names[a.Heard[i].Device] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// apply decides what becomes of arrivals, changes the devices' states, and
// hands what must be kept to the ledger.
func apply(l ledger, states map[string]*deviceState, a Arrivals, now time.Time) (Outcome, error) {
	out := Outcome{Results: make([]string, len(a.Items)), Acks: make(map[string]wire.Ack, len(states)), Plain: map[string]bool{}}
	for i := range a.Items {
		it := &a.Items[i]
		d := states[it.Device]
		d.seen(it.Site, now)
		var err error
		if out.Results[i], err = applyItem(l, d, it, now); err != nil {
			return Outcome{}, err
		}
	}
	for i := range a.Heard {
		h := &a.Heard[i]
		d := states[h.Device]
		d.seen(h.Site, now)
		d.Online, d.Last, d.Pending = h.Status.State == "online", h.Status.Last, h.Status.Pending
		if d.Online {
			d.Checks = d.Checks || h.Checks || !h.Status.TakesPlain()
			d.Plain = !d.Checks
		}
	}
	for name, d := range states {
		at := func(seq uint64) (row, bool, error) { return d.at(l, name, seq) }
		if err := d.judge(at); err != nil {
			return Outcome{}, err
		}
		ack, err := d.ack(func(last uint64) (wire.Hash, error) {
			r, ok, err := at(last)
			if !ok || r.last != last {
				return wire.Hash{}, err
			}
			return r.hash, nil
		})
		if err != nil {
			return Outcome{}, err
		}
		out.Acks[name] = ack
		if d.Plain {
			out.Plain[name] = true
		}
	}
	return out, nil
}

// at returns the envelope that holds seq, and asks the ledger only when there
// is one that the state does not know itself.
func (d *deviceState) at(l ledger, device string, seq uint64) (row, bool, error) {
	if seq == 0 || !d.Received.Contains(wire.Range{First: seq, Last: seq}) {
		return row{}, false, nil
	}
	return l.around(device, seq)
}

func applyItem(l ledger, d *deviceState, it *Item, now time.Time) (string, error) {
	hash := wire.Hash(sha256.Sum256(it.Sealed))
	if it.Refused == "" && it.Events != nil {
		it.First, it.Last = uint64(it.Events[0].Sequence), uint64(it.Events[len(it.Events)-1].Sequence)
	}
	span := wire.Range{First: it.First, Last: it.Last}
	if it.Known {
		d.Duplicates += span.Len()
		return Duplicate, nil
	}
	reason := it.Refused
	if d.Received.Overlaps(span) {
		r, ok, err := d.at(l, it.Device, it.First)
		if err != nil {
			return "", err
		}
		if ok && r.hash == hash {
			d.Duplicates += span.Len()
			return Duplicate, nil
		}
		if reason == "" {
			reason = Conflict
		}
	}
	if reason == "" && len(d.Received) >= maxGaps && !d.Received.Overlaps(wire.Range{First: span.First - 1, Last: span.Last + 1}) {
		reason = Gaps
	}
	if reason != "" {
		return reason, l.setAside(it, reason, hash, now)
	}
	r := row{first: span.First, last: span.Last, prev: it.Events[0].PrevHash, hash: hash}
	if err := link(l, d, it.Device, r); err != nil {
		return "", err
	}
	if span.Last > d.Received.Highest() {
		d.Top = hash
	}
	d.Received = d.Received.Add(span)
	d.learn(it.Events)
	if err := l.keep(it, r); err != nil {
		return "", err
	}
	return Stored, l.takeBack(it.Device, hash)
}

// link counts which of the two neighbours of a new envelope do not name it or
// are not named by it. A chain may begin anew with a hash of zeros.
func link(l ledger, d *deviceState, device string, r row) error {
	if r.prev != (wire.Hash{}) && r.first > 1 {
		before, known := d.Top, true
		if r.first-1 != d.Received.Highest() || d.Top == (wire.Hash{}) {
			e, ok, err := d.at(l, device, r.first-1)
			if err != nil {
				return err
			}
			before, known = e.hash, ok
		}
		if known && before != r.prev {
			d.broken(r.first)
		}
	}
	after, ok, err := d.at(l, device, r.last+1)
	if ok && after.prev != r.hash && after.prev != (wire.Hash{}) {
		d.broken(after.first)
	}
	return err
}
