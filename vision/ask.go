package vision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// stopGrace is how long a worker may take to end a question when asked to.
const stopGrace = 700 * time.Millisecond

// request is one question on its way.
type request struct {
	kind     string
	body     any
	blobs    [][]byte
	silence  time.Duration   // longest time between two messages of the worker
	progress func(m Message) // nil: none expected
	partial  bool            // a stop is answered with what there is
	look     <-chan struct{} // asks for a picture of what is being done; may be nil
}

// ask sends q and waits for its answer. fit is false when the process cannot be
// used for another question.
func (p *process) ask(ctx context.Context, q request) (answer Message, fit bool, err error) {
	body, err := json.Marshal(q.body)
	if err != nil {
		return Message{}, true, fmt.Errorf("%w: encode: %v", ErrQuestion, err) //nolint:errorlint // a detail
	}
	p.nextID++
	id := p.nextID
	// A hung worker does not read: the write needs a limit too.
	_ = p.conn.SetWriteDeadline(time.Now().Add(q.silence))
	if err := WriteMessage(p.conn, Message{ID: id, Kind: q.kind, Body: body, Blobs: q.blobs}); err != nil {
		if errors.Is(err, ErrProtocol) {
			return Message{}, true, fmt.Errorf("%w: %w", ErrQuestion, err)
		}
		return Message{}, false, p.deathOf(q.kind)
	}
	quiet := time.NewTimer(q.silence)
	defer quiet.Stop()
	stopped := false
	ended := ctx.Done()
	for {
		select {
		case m, ok := <-p.in:
			if !ok {
				if stopped {
					return Message{}, false, ctx.Err()
				}
				return Message{}, false, p.deathOf(q.kind)
			}
			if m.ID != id {
				m.wipe()
				continue
			}
			if m.Kind == KindProgress {
				if q.progress != nil && !stopped {
					q.progress(m)
				}
				if !stopped {
					quiet.Reset(q.silence)
				}
				continue
			}
			return m, true, nil
		case <-q.look:
			_ = p.conn.SetWriteDeadline(time.Now().Add(q.silence))
			if err := WriteMessage(p.conn, Message{ID: id, Kind: KindLook}); err != nil {
				return Message{}, false, p.deathOf(q.kind)
			}
		case <-ended:
			if !q.partial {
				return Message{}, false, fmt.Errorf("%s: %w", q.kind, ctx.Err())
			}
			ended, stopped = nil, true
			_ = p.conn.SetWriteDeadline(time.Now().Add(stopGrace))
			_ = WriteMessage(p.conn, Message{ID: id, Kind: KindStop})
			quiet.Reset(stopGrace)
		case <-quiet.C:
			if stopped {
				return Message{}, false, ctx.Err()
			}
			return Message{}, false, fmt.Errorf("%s: %w (waited %s)", q.kind, ErrTimeout, q.silence)
		}
	}
}

// decode takes an answer apart.
func decode(m Message, into any) error {
	switch m.Kind {
	case KindAnswer:
		if into == nil || len(m.Body) == 0 {
			return nil
		}
		if err := json.Unmarshal(m.Body, into); err != nil {
			return fmt.Errorf("%w: answer is no JSON", ErrProtocol)
		}
		return nil
	case KindError:
		var f Fault
		if err := json.Unmarshal(m.Body, &f); err != nil {
			return fmt.Errorf("%w: fault is no JSON", ErrProtocol)
		}
		return f.Err()
	}
	return fmt.Errorf("%w: unexpected %q", ErrProtocol, m.Kind)
}
