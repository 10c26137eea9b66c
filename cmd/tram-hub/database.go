package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tram/hub"
	"tram/hub/store"
)

// Pauses between two looks for a database.
const (
	minDatabasePause = 250 * time.Millisecond
	maxDatabasePause = 15 * time.Second
)

// awaitDatabase opens the database that options name, and waits for one that does
// not serve: after a power cut it starts at the same time as the hub. It gives up
// after limit, when that is not 0. Without a database, and when ctx ends first, it
// returns no store and no error.
func awaitDatabase(ctx context.Context, o hub.Options, limit time.Duration) (store.Store, error) {
	if o.Postgres == "" {
		return nil, nil
	}
	began := time.Now()
	for pause := minDatabasePause; ; pause = min(2*pause, maxDatabasePause) {
		st, err := hub.OpenStore(ctx, o.Data, o.Postgres)
		switch {
		case err == nil:
			return st, nil
		case ctx.Err() != nil:
			return nil, nil
		case !errors.Is(err, store.ErrDatabase), errors.Is(err, store.ErrAddress), limit > 0 && time.Since(began) >= limit:
			return nil, err
		}
		next := pause/2 + rand.N(pause/2)
		if limit > 0 {
			next = min(next, limit-time.Since(began)+time.Millisecond)
		}
		o.Log.Warn("the hub waits for its database", "err", err, "pause", next.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(next):
		}
	}
}
