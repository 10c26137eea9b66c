package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Report implements Store.
func (s *Bolt) Report(context.Context) ([]Device, error) {
	devices := map[string]*Device{}
	err := s.db.View(func(tx *bolt.Tx) error {
		err := tx.Bucket(bucketDevices).ForEach(func(k, v []byte) error {
			var d deviceState
			if err := json.Unmarshal(v, &d); err != nil {
				return fmt.Errorf("what is known of a device: %w", err)
			}
			out := d.report(string(k))
			devices[out.Device] = &out
			return nil
		})
		if err != nil {
			return err
		}
		err = tx.Bucket(bucketRejected).ForEach(func(_, v []byte) error {
			var a Aside
			if err := json.Unmarshal(v, &a); err != nil {
				return fmt.Errorf("what was kept aside: %w", err)
			}
			if d := devices[a.Device]; d != nil {
				d.Rejected++
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketOpen).ForEach(func(k, _ []byte) error {
			c, err := commandAt(tx, k)
			if d := devices[c.Device]; err == nil && d != nil {
				d.Commands++
			}
			return err
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

// recordsPage is how many records one read transaction visits.
const recordsPage = 1000

// Records implements Store.
func (s *Bolt) Records(ctx context.Context, device string, each func(Record) error) error {
	names := []string{device}
	if device == "" {
		names = names[:0]
		err := s.db.View(func(tx *bolt.Tx) error {
			return tx.Bucket(bucketDevices).ForEach(func(k, _ []byte) error {
				names = append(names, string(k))
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return eachPage(ctx, names, s.page, each)
}

// eachPage calls each for the records of devices, a page after the other.
func eachPage(ctx context.Context, names []string, page func(ctx context.Context, device string, after uint64) ([]Record, error),
	each func(Record) error) error {
	for _, name := range names {
		after := uint64(0)
		for {
			list, err := page(ctx, name, after)
			if err != nil {
				return fmt.Errorf("list records of %s: %w", name, err)
			}
			for _, r := range list {
				if err := each(r); err != nil {
					return err
				}
			}
			if len(list) < recordsPage {
				break
			}
			after = list[len(list)-1].Sequence
		}
	}
	return nil
}

func (s *Bolt) page(_ context.Context, device string, after uint64) ([]Record, error) {
	var page []Record
	err := s.db.View(func(tx *bolt.Tx) error {
		d, err := loadDevice(tx, device)
		if err != nil {
			return err
		}
		b := tx.Bucket(bucketIndex).Bucket([]byte(device))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, v := c.Seek(key(after + 1)); k != nil && len(page) < recordsPage; k, v = c.Next() {
			var r indexRow
			if err := json.Unmarshal(v, &r); err != nil || len(k) != 8 {
				return fmt.Errorf("a row of the index is unreadable")
			}
			page = append(page, r.record(device, sequence(k), d.Offsets))
		}
		return nil
	})
	return page, err
}

// Sealed calls each for every stored envelope of a device, in order, for
// whoever opens them with the hub's key.
func (s *Bolt) Sealed(device string, each func(r wire.Range, sealed []byte) error) error {
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketEnvelopes).Bucket([]byte(device))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			r, ok := parseRow(k, v)
			if !ok {
				return fmt.Errorf("an envelope's row is unreadable")
			}
			return each(wire.Range{First: r.first, Last: r.last}, v[rowHeader:])
		})
	})
}
