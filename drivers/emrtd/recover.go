package emrtd

import (
	"context"
	"errors"
)

// recover opens access again after the card dropped secure messaging, and asks for the
// file once more, step by step in a plainer way, leaving first what this card was not
// yet seen to know. A card that drops the session over the same file in the plainest way too
// keeps that file.
func (r *reader) recover(ctx context.Context, id FileID, lost *errSessionLost) error {
	steps := r.plainer()
	for n := 0; ; n++ {
		if r.reopened == maxReopen {
			return lost
		}
		r.reopened++
		if err := r.toMasterFile(ctx); err != nil {
			return err
		}
		if err := r.open(ctx); err != nil {
			return err
		}
		if n == len(steps) || lost.sw == 0x6982 && !r.trial {
			r.skip(id, reasonOf(lost.sw))
			return nil
		}
		keep := steps[n]()
		b, err := r.file(ctx, id)
		keep(err == nil)
		var status *StatusError
		switch {
		case err == nil:
			r.doc.Files[id] = b
			return nil
		case errors.As(err, &status):
			r.skip(id, reasonOf(status.SW))
			return nil
		case !errors.As(err, &lost):
			return err
		}
	}
}

// plainer returns the steps of recover. What a step returns says what stays of it, once it
// is known whether it helped.
func (r *reader) plainer() (steps []func() func(helped bool)) {
	if r.sfi && !r.sfiSeen {
		steps = append(steps, func() func(bool) { r.sfi = false; return func(bool) {} })
	}
	if r.trial {
		return append(steps, func() func(bool) { r.trial = false; r.refuseLong(); return func(bool) {} }, r.plainest)
	}
	if r.extended && !r.longSeen && !r.whole {
		steps = append(steps, func() func(bool) { r.whole, r.size = true, wholeFile; return func(bool) {} })
	}
	return append(steps, r.plainest)
}

// plainest is the last of the steps.
func (r *reader) plainest() func(helped bool) {
	sfi, extended, whole, size := r.sfiSeen, r.extended, r.whole, r.size
	r.sfi, r.extended, r.whole, r.size = false, false, false, 0
	return func(helped bool) {
		switch {
		case extended && r.longSeen: // it was this file, not the length
			r.sfi, r.extended, r.whole, r.size = sfi, extended, whole, size
		case extended && helped:
			r.refuseLong()
		}
	}
}
