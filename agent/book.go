package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"tram/agent/keep"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/sync/outbox"
)

const registerFile = "register.db"

// RegisterPath is the local register of a state folder.
func RegisterPath(state string) string { return filepath.Join(state, registerFile) }

// RestKeyPath is the key of what a state folder keeps.
func RestKeyPath(state string) string { return filepath.Join(state, restKeyFile) }

// TypeRegisterDamaged is the record that tells the hub of a damaged register.
const TypeRegisterDamaged = "vn.tram.register.damaged.v1"

// RegisterPolicy is what a profile says of the local register.
func RegisterPolicy(p profile.Profile) register.Policy {
	policy := register.Policy{Closes: p.Closes, Reasons: reasons(p)}
	if p.Register != nil {
		policy.Keeps, policy.Retain = p.Register.Keeps, p.Register.Retain.Value()
	}
	policy.Answers = p.Ticket != nil && p.Ticket.Kind == profile.TicketSlip
	if p.Ticket != nil && p.Ticket.Kind == profile.TicketQueue {
		policy.Ticket, policy.Prefix, policy.TicketBy = true, p.Ticket.Prefix, p.Ticket.By
	}
	return policy
}

// openRegister opens the local register, also where the profile keeps nothing:
// what another profile left there has its clock of deletion, too.
func (a *Agent) openRegister(box keep.Box) error {
	policy := RegisterPolicy(a.profile)
	policy.Room, policy.Holidays = a.config.Register.Room, a.config.Register.Holidays
	policy.Counts = a.config.Register.Counts && a.profile.Register != nil && a.profile.Register.Kind == profile.RegisterStays
	policy.Direction, policy.Passback = a.config.Passage.Direction, a.config.Passage.Passback.Value()
	reg, err := register.Open(RegisterPath(a.config.StateDir()), register.Options{
		Box: box, Policy: policy, Clock: a.clock, Roster: a.lists.Candidates, Allow: a.allow(), Log: a.log,
	})
	if err != nil {
		return err
	}
	a.register = reg
	return nil
}

// book is the register as visits need it; nil where the profile needs none.
func (a *Agent) book() visit.Book {
	if a.profile.Register == nil && a.profile.Ticket == nil {
		return nil
	}
	return a.register
}

// How often the register looks at its clocks and at what was delivered.
const (
	sweepEvery     = time.Minute
	deliveredEvery = 2 * time.Second
)

// runRegister repairs what a crash left, tells the hub of a damaged file, and
// then deletes what is over, notes what is delivered, and counts the stays of
// days that are over, until ctx ends.
func (a *Agent) runRegister(ctx context.Context) error {
	if err := a.repairRegister(ctx); err != nil {
		a.log.Error("the register cannot be repaired yet", "err", err)
	}
	if err := a.countStays(ctx); err != nil {
		a.log.Error("the stays of a day are not counted yet", "err", err)
	}
	sweep, delivered := time.NewTicker(sweepEvery), time.NewTicker(deliveredEvery)
	defer sweep.Stop()
	defer delivered.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			var n int
			if n, err = a.register.Sweep(time.Now()); n > 0 {
				a.log.Info("entries of the register are deleted, their time is over", "entries", n)
			}
			err = errors.Join(err, a.countStays(ctx))
		case <-delivered.C:
			err = a.noteDelivered()
		}
		if err != nil {
			a.log.Error("the register cannot be looked after", "err", err)
		}
	}
}

func (a *Agent) repairRegister(ctx context.Context) error {
	if kept, n := a.register.Replaced(); kept != "" {
		_, err := a.store.Accept(ctx, outbox.Draft{ID: filepath.Base(kept), Type: TypeRegisterDamaged, Data: map[string]int{"takenOver": n}})
		if err != nil {
			return fmt.Errorf("tell the hub of the damaged register: %w", err)
		}
	}
	pending, err := a.register.Pending(ctx)
	if err != nil {
		return err
	}
	n, err := visit.Repair(ctx, pending, again{recorder{a}}, a.register)
	if n > 0 {
		a.log.Info("records are made whose entries a crash had left", "records", n)
	}
	return err
}

// noteDelivered writes down when a record was seen to be delivered, which tells
// whether a declaration was in time.
func (a *Agent) noteDelivered() error {
	waiting, err := a.register.Undelivered()
	if err != nil {
		return err
	}
	var errs []error
	for id, seq := range waiting {
		if a.store.State(seq) == outbox.Delivered {
			errs = append(errs, a.register.Delivered(id, time.Now()))
		}
	}
	if len(waiting) > 0 {
		a.changes.signal()
	}
	return errors.Join(errs...)
}

// closeStay ends a stay at the clerk's word: the record of it is written down
// first, like every other.
func (a *Agent) closeStay(ctx context.Context, who, id string, when time.Time) error {
	row, err := a.register.Stay(who, id)
	if err != nil {
		return err
	}
	closing := rand.Text()
	draft := outbox.Draft{ID: closing, Type: a.profile.Closes, Time: when, Data: visit.Record{
		Profile: a.profile.Name, Person: row.Person, Source: row.Source, Assurance: row.Assurance, Answers: row.Answers, ConsentID: row.ID,
		Consent: visit.Consent{ID: row.ID, Basis: a.profile.Basis, Time: row.Time.UTC()}, Started: row.Time.UTC(),
	}}
	raw, err := visit.EncodeDraft(draft)
	if err != nil {
		return err
	}
	if err := a.register.CheckOut(who, id, closing, when, raw); err != nil {
		return err
	}
	receipt, err := recorder{a}.Accept(context.WithoutCancel(ctx), draft)
	if errors.Is(err, outbox.ErrFull) || errors.Is(err, outbox.ErrTooLarge) || errors.Is(err, outbox.ErrDraft) || errors.Is(err, outbox.ErrClosed) {
		return errors.Join(err, a.register.Drop(closing))
	}
	if err != nil {
		return err // perhaps it is kept: the next start repairs it
	}
	return a.register.Done(closing, receipt.Sequence)
}

// again accepts a record whose acceptance may have been cut off: what the queue
// has, or had, under its id is not accepted twice.
type again struct{ recorder }

func (r again) Accept(ctx context.Context, draft outbox.Draft) (outbox.Receipt, error) {
	if receipt, found, err := r.a.store.Find(draft.ID); found || err != nil {
		return receipt, err
	}
	return r.recorder.Accept(ctx, draft)
}
