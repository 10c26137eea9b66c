package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tram/drivers/pcsc"
)

// connectCard connects to the card in the named reader, or, without a name, to
// the first card in any reader. A card that is not there is awaited for a while:
// people type the command first and lay the card then.
func connectCard(ctx context.Context, term terminal, name string, wait time.Duration) (*pcsc.Card, error) {
	names := []string{name}
	if name == "" {
		found, err := pcsc.List()
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, pcsc.ErrNoReader
		}
		names = found
	} else if err := readerIsThere(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return firstCard(ctx, term, names)
}

// readerIsThere tells at once that a named reader is missing: waiting is for cards.
func readerIsThere(name string) error {
	card, err := pcsc.Connect(context.Background(), name)
	if err == nil {
		return card.Close()
	}
	if isOneOf(err, pcsc.ErrNoReader, pcsc.ErrNoService, pcsc.ErrRefused) {
		return err
	}
	return nil
}

// firstCard watches the readers until one has a card, or ctx ends.
func firstCard(ctx context.Context, term terminal, names []string) (*pcsc.Card, error) {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer stop()
	present := make(chan *pcsc.Reader, len(names))
	for _, name := range names {
		r := pcsc.NewReader(name, slog.New(slog.DiscardHandler))
		watchers.Go(func() { _ = r.Run(watching) })
		watchers.Go(func() {
			for {
				select {
				case <-watching.Done():
					return
				case e := <-r.Events():
					if e.Kind == pcsc.CardPresent {
						present <- r
						return
					}
				}
			}
		})
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for {
		select {
		case r := <-present:
			return r.Connect(context.WithoutCancel(ctx))
		case <-patience.C:
			fmt.Fprintln(term.err, "lay the card on the reader")
		case <-ctx.Done():
			return nil, pcsc.ErrNoCard
		}
	}
}
