package agent

import (
	"context"
	"errors"

	"tram/agent/kiosk"
	"tram/sync/outbox"
)

// QueueVerdict is what checking the queue's chain found.
type QueueVerdict struct {
	Chain  string `json:"chain"` // "ok", "broken"
	Reason string `json:"reason,omitempty"`
}

// VerdictOf turns the error of [outbox.Store.Verify] into a verdict; an error
// that is not about the chain comes back.
func VerdictOf(err error) (QueueVerdict, error) {
	switch {
	case err == nil:
		return QueueVerdict{Chain: "ok"}, nil
	case errors.Is(err, outbox.ErrChain):
		return QueueVerdict{Chain: "broken", Reason: err.Error()}, nil
	}
	return QueueVerdict{}, err
}

// QueueCompacted is the size of the queue's file before and after.
type QueueCompacted struct {
	Before int64 `json:"before"` // bytes
	After  int64 `json:"after"`
}

var _ kiosk.QueueReader = admin{}

func (d admin) Entries(_ context.Context, after uint64, limit int) (any, error) {
	list, err := d.a.store.List(after, limit)
	if list == nil {
		list = []outbox.Entry{}
	}
	return list, err
}

func (d admin) Verify(ctx context.Context) (any, error) {
	return VerdictOf(d.a.store.Verify(ctx))
}

func (d admin) Compact(context.Context) (any, error) {
	before, err := d.a.store.Stat()
	if err != nil {
		return nil, err
	}
	if err := d.a.store.Compact(); err != nil {
		return nil, err
	}
	after, err := d.a.store.Stat()
	return QueueCompacted{Before: before.FileBytes, After: after.FileBytes}, err
}
