package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"tram/hub/hubtest"
	"tram/hub/store"
)

// severalAtOnce lets several hubs open an empty database at the same moment and
// store overlapping parts of what several devices sent.
func severalAtOnce(t *testing.T, server *hubtest.Postgres) {
	dsn := server.Database()
	const hubs, devices, each = 4, 5, 60
	var items [devices][]store.Item
	for d := range items {
		c := newChain(t, string(rune('a'+d)))
		for range each {
			items[d] = append(items[d], c.add(2))
		}
	}
	var wg sync.WaitGroup
	ids := make([]string, hubs)
	for h := range hubs {
		wg.Go(func() {
			s, err := store.OpenPostgres(ctx, dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			ids[h] = s.ID()
			random := rand.New(rand.NewPCG(7, uint64(h)))
			for range 60 {
				var a store.Arrivals
				for range 6 {
					d := random.IntN(devices)
					a.Items = append(a.Items, items[d][random.IntN(each)])
				}
				if _, err := s.Put(ctx, a, noon); err != nil {
					t.Error(err)
				}
			}
			var rest store.Arrivals
			for d := range items {
				for i := h; i < each; i += hubs {
					rest.Items = append(rest.Items, items[d][i])
				}
			}
			if _, err := s.Put(ctx, rest, noon); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := openPostgres(t, dsn)
	defer s.Close()
	for h, id := range ids {
		if id != s.ID() {
			t.Errorf("hub %d calls the store %q, another %q", h, id, s.ID())
		}
	}
	list, err := s.Report(ctx)
	if err != nil || len(list) != devices {
		t.Fatalf("report of %d devices, %v", len(list), err)
	}
	for _, r := range list {
		if r.Records != 2*each || r.Highwater != 2*each || len(r.Missing) != 0 || r.ChainBreaks != 0 || r.Rejected != 0 {
			t.Errorf("report %+v, want %d records and nothing else", r, 2*each)
		}
	}
	if n := server.Count(dsn, `SELECT count(*) FROM tram_hub.records`); n != devices*2*each {
		t.Errorf("%d rows of records, want %d", n, devices*2*each)
	}
}

func schemaIsIdempotent(t *testing.T, server *hubtest.Postgres) {
	dsn := server.Database()
	for range 3 {
		s := openPostgres(t, dsn)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	server.Exec(dsn, `UPDATE tram_hub.schema_version SET version = version + 1`)
	if _, err := store.OpenPostgres(ctx, dsn); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a database of a newer hub: %v, want ErrNewer", err)
	}
	if _, err := store.OpenPostgres(ctx, "postgres://nobody:secret@127.0.0.1:1/none"); !errors.Is(err, store.ErrDatabase) {
		t.Errorf("no server: %v, want ErrDatabase", err)
	}
}

func viewTellsBothTimes(t *testing.T, server *hubtest.Postgres) {
	dsn := server.Database()
	s := openPostgres(t, dsn)
	defer s.Close()
	clockStory(t, s)
	n := server.Count(dsn, `SELECT count(*) FROM tram_hub.record_times WHERE true_time - time = interval '1 hour' AND clock = ''`)
	if n != 2 {
		t.Errorf("the view repairs %d records, want 2", n)
	}
}

func survivesACrash(t *testing.T, server *hubtest.Postgres) {
	dsn := server.Database()
	s := openPostgres(t, dsn)
	defer s.Close()
	c := newChain(t, "desk-1")
	put(t, s, c.add(50))
	server.Crash()
	brief, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Put(brief, store.Arrivals{Items: []store.Item{c.add(1)}}, noon); err == nil {
		t.Error("a record is stored while no server runs")
	}
	server.Start()
	hubtest.Until(t, "the store finds the server again", func() bool {
		_, err := s.Report(ctx)
		return err == nil
	})
	if r := report(t, s, "desk-1"); r.Records != 50 {
		t.Errorf("report %+v, want 50 records", r)
	}
}
