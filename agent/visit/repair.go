package visit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tram/sync/outbox"
)

// keptDraft is a draft as the register holds it, sealed.
type keptDraft struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Time time.Time       `json:"time"`
	Data json.RawMessage `json:"data"`
}

// EncodeDraft writes a draft as [DecodeDraft] reads it.
func EncodeDraft(d outbox.Draft) ([]byte, error) {
	data, err := json.Marshal(d.Data)
	if err != nil {
		return nil, errors.New("the record cannot be encoded")
	}
	return json.Marshal(keptDraft{ID: d.ID, Type: d.Type, Time: d.Time, Data: data})
}

// DecodeDraft reads what Begin was given. Its errors quote nothing.
func DecodeDraft(raw []byte) (outbox.Draft, error) {
	var k keptDraft
	if json.Unmarshal(raw, &k) != nil || k.ID == "" || k.Type == "" {
		return outbox.Draft{}, errors.New("the entry holds no record")
	}
	return outbox.Draft{ID: k.ID, Type: k.Type, Time: k.Time, Data: k.Data}, nil
}

// Repair has the records of entries accepted that were begun and never done,
// because the power went between register and queue. It returns how many it did.
// To finds those that had reached the queue by their id, so that none is there
// twice.
func Repair(ctx context.Context, pending []Entry, to Recorder, book Book) (int, error) {
	done := 0
	var errs []error
	for _, entry := range pending {
		draft, err := DecodeDraft(entry.Draft.Reveal())
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %s: %w", entry.ID, err), book.Drop(entry.ID))
			continue
		}
		receipt, err := to.Accept(ctx, draft)
		if err != nil {
			errs = append(errs, fmt.Errorf("accept the record of entry %s: %w", entry.ID, err))
			continue
		}
		if err := book.Done(entry.ID, receipt.Sequence); err != nil {
			errs = append(errs, err)
			continue
		}
		done++
	}
	return done, errors.Join(errs...)
}
