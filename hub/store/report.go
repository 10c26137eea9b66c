package store

import (
	"encoding/json"
	"fmt"
	"sort"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Device is what the hub says of one device. Its JSON is a contract.
type Device struct {
	Device      string       `json:"device"`
	Highwater   uint64       `json:"highwater"`   // highest sequence that arrived
	Missing     []wire.Range `json:"missing"`     // gaps below it that nobody explained, [first, last] each
	Duplicates  uint64       `json:"duplicates"`  // records that arrived again
	Rejected    uint64       `json:"rejected"`    // envelopes kept aside
	Records     uint64       `json:"records"`     // records stored
	Discarded   uint64       `json:"discarded"`   // records that the device says, signed, it will never deliver
	ChainBreaks uint64       `json:"chainBreaks"` // neighbours that do not name each other
	FirstSeen   time.Time    `json:"firstSeen"`
	LastSeen    time.Time    `json:"lastSeen"`
}

// Report returns every device that ever sent something, by name.
func (s *Store) Report() ([]Device, error) {
	devices := map[string]*Device{}
	err := s.db.View(func(tx *bolt.Tx) error {
		err := tx.Bucket(bucketDevices).ForEach(func(k, v []byte) error {
			var d deviceState
			if err := json.Unmarshal(v, &d); err != nil {
				return fmt.Errorf("what is known of a device: %w", err)
			}
			out := &Device{
				Device: string(k), Highwater: d.Received.Highest(), Missing: d.missing(), Duplicates: d.Duplicates,
				Records: d.Received.Count(), ChainBreaks: d.ChainBreaks, FirstSeen: d.FirstSeen, LastSeen: d.LastSeen,
			}
			if out.Missing == nil {
				out.Missing = []wire.Range{}
			}
			if out.Highwater > 0 {
				out.Discarded = out.Highwater - out.Records - wire.Set(out.Missing).Count()
			}
			devices[out.Device] = out
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketRejected).ForEach(func(_, v []byte) error {
			var a Aside
			if err := json.Unmarshal(v, &a); err != nil {
				return fmt.Errorf("what was kept aside: %w", err)
			}
			if d := devices[a.Device]; d != nil {
				d.Rejected++
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	list := make([]Device, 0, len(devices))
	for _, d := range devices {
		list = append(list, *d)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Device < list[j].Device })
	return list, nil
}

// Ack returns what to acknowledge to a device, without the refusals.
func (s *Store) Ack(device string) (wire.Ack, error) {
	var a wire.Ack
	err := s.db.View(func(tx *bolt.Tx) error {
		d, err := loadDevice(tx, device)
		if err != nil {
			return err
		}
		a.Highwater = d.Received.Highest()
		missing := d.missing()
		if len(missing) > wire.MaxMissing {
			// Say less rather than something wrong: up to the first gap that
			// does not fit.
			a.Highwater = missing[wire.MaxMissing].First - 1
			missing = missing[:wire.MaxMissing]
		}
		a.Missing = missing
		if r, ok := around(tx.Bucket(bucketEnvelopes).Bucket([]byte(device)), a.Highwater); ok && r.last == a.Highwater {
			a.Hash = r.hash
		}
		return nil
	})
	if err != nil {
		return wire.Ack{}, fmt.Errorf("acknowledge to %s: %w", device, err)
	}
	return a, nil
}

// Record is what the hub can say of a stored record without opening it.
type Record struct {
	Device   string    `json:"device"`
	Sequence uint64    `json:"sequence"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
}

// recordsPage is how many records one read transaction visits.
const recordsPage = 1000

// Records calls each for every stored record of a device, in order; a device of
// "" means all. It stops at the first error and returns it.
func (s *Store) Records(device string, each func(Record) error) error {
	names := []string{device}
	if device == "" {
		devices, err := s.Report()
		if err != nil {
			return err
		}
		names = names[:0]
		for _, d := range devices {
			names = append(names, d.Device)
		}
	}
	for _, name := range names {
		after := uint64(0)
		for {
			page, err := s.page(name, after)
			if err != nil {
				return fmt.Errorf("list records of %s: %w", name, err)
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				if err := each(r); err != nil {
					return err
				}
			}
			after = page[len(page)-1].Sequence
		}
	}
	return nil
}

func (s *Store) page(device string, after uint64) ([]Record, error) {
	var page []Record
	err := s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketIndex).Bucket([]byte(device))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, v := c.Seek(key(after + 1)); k != nil && len(page) < recordsPage; k, v = c.Next() {
			var row indexRow
			if err := json.Unmarshal(v, &row); err != nil || len(k) != 8 {
				return fmt.Errorf("a row of the index is unreadable")
			}
			page = append(page, Record{Device: device, Sequence: sequence(k), ID: row.ID, Type: row.Type, Time: row.Time})
		}
		return nil
	})
	return page, err
}
