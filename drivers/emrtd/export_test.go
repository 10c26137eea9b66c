package emrtd

import (
	"context"
	"io"
)

// ReadWith is Read with random numbers of the caller's.
func ReadWith(ctx context.Context, card Transceiver, pw Password, opt Options, random io.Reader) (*Document, error) {
	return newReader(card, pw, opt, random).read(ctx)
}

// ForgetHabits forgets what was learned of the lengths that cards take.
func ForgetHabits() {
	known.Lock()
	defer known.Unlock()
	known.by = nil
}
