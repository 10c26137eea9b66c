package visit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tram/agent/profile"
	"tram/drivers/privacy"
	"tram/sync/outbox"
)

// codeNotAllowed is the alarm of a person who is on no allow list.
const codeNotAllowed = "not_allowed"

// stopped says why a visit may not be recorded as it stands: what the register
// found stops it, or it lets somebody in whom only a clerk may. The caller holds
// the lock.
func (e *Engine) stopped(s *session, clerk string) error {
	for _, a := range s.alarms {
		switch {
		case a.Stop:
			return ErrConflict
		case a.Code == codeNotAllowed && clerk == "":
			return ErrNeedsClerk
		}
	}
	return nil
}

// save writes the entry down, lets the person through where there is a door, and
// has the record accepted. What the power cuts off between the first and the
// last of these is repaired by Repair. The draft becomes what was accepted.
func (e *Engine) save(ctx context.Context, entry Entry, draft *outbox.Draft) (outbox.Receipt, *Ticket, error) {
	door := e.opt.Door != nil && entry.Kind == string(profile.RegisterPassages)
	if door {
		withPassage(draft, Passage{Result: PassageUnknown, Direction: entry.Direction})
		entry.Passage = PassageUnknown
	}
	ticket, err := e.beginEntry(ctx, &entry, *draft)
	if err != nil {
		return outbox.Receipt{}, nil, err
	}
	drop := func(err error) (outbox.Receipt, *Ticket, error) {
		if e.opt.Book != nil {
			err = errors.Join(err, e.opt.Book.Drop(entry.ID))
		}
		return outbox.Receipt{}, nil, err
	}
	if door {
		passage, err := e.opt.Door.Pass(ctx, entry)
		if err != nil {
			return drop(err)
		}
		if err := e.passed(entry, draft, passage); err != nil {
			e.opt.Log.Error("the register does not know what became of a passage", "visit", entry.ID, "err", err)
		}
	}
	receipt, err := e.opt.Recorder.Accept(ctx, *draft)
	if err != nil {
		if refused(err) {
			return drop(err)
		}
		return outbox.Receipt{}, nil, err // perhaps it is kept: the entry stays for Repair
	}
	if e.opt.Book != nil {
		if err := e.opt.Book.Done(entry.ID, receipt.Sequence); err != nil {
			e.opt.Log.Error("the register does not know that a record was accepted; the next start repairs it", "visit", entry.ID, "err", err)
		}
	}
	return receipt, ticket, nil
}

// beginEntry writes the entry down with its draft.
func (e *Engine) beginEntry(ctx context.Context, entry *Entry, draft outbox.Draft) (*Ticket, error) {
	if e.opt.Book == nil {
		return nil, nil
	}
	raw, err := EncodeDraft(draft)
	if err != nil {
		return nil, err
	}
	entry.Draft = privacy.New(raw)
	given, err := e.opt.Book.Begin(ctx, *entry)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errRegister, err)
	case given == (Ticket{}):
		return nil, nil
	}
	return &given, nil
}

// passed writes down what became of a passage, before the record of it is made.
func (e *Engine) passed(entry Entry, draft *outbox.Draft, p Passage) error {
	withPassage(draft, p)
	if p.Result == PassageAnnulled {
		draft.Type = TypeAnnulled
	}
	book, ok := e.opt.Book.(Redrafter)
	if !ok {
		return nil
	}
	raw, err := EncodeDraft(*draft)
	if err != nil {
		return err
	}
	entry.RecordType, entry.Passage, entry.Direction, entry.Draft = draft.Type, p.Result, p.Direction, privacy.New(raw)
	return book.Redraft(entry)
}

func withPassage(draft *outbox.Draft, p Passage) {
	if record, ok := draft.Data.(Record); ok {
		record.Passage = &p
		record.Alarms = slices.Clone(record.Alarms)
		draft.Data = record
	}
}
