package hub

import (
	"context"
	"encoding/json"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// Bounds on questions from devices.
const (
	maxQuestions    = 32 // answered at once
	questionTimeout = 10 * time.Second
)

// Question is what a device asks while a person waits in front of it.
type Question struct {
	Device string          `json:"device"`
	Site   string          `json:"site"`
	ID     string          `json:"id"`
	Name   string          `json:"name"` // such as vneid.resolve
	Data   json.RawMessage `json:"data,omitempty"`
}

// Answer is what a Handler says. Text is for a person at the device.
type Answer struct {
	OK   bool            `json:"ok"`
	Text string          `json:"text,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Handler answers one kind of question. It returns when ctx ends.
type Handler func(ctx context.Context, q Question) Answer

// handlers are the questions that a hub answers by itself. Options.Handlers add
// to them or replace them.
func handlers(more map[string]Handler) map[string]Handler {
	table := map[string]Handler{
		wire.QuestionPing: func(context.Context, Question) Answer { return Answer{OK: true} },
		"time": func(context.Context, Question) Answer {
			b, err := json.Marshal(map[string]time.Time{"time": time.Now().UTC()})
			return Answer{OK: err == nil, Data: b}
		},
		// An opaque code can only be resolved by whoever holds a contract with
		// the one that issued it: an operator's program does (see ExecHandler).
		"vneid.resolve": func(context.Context, Question) Answer { return Answer{Text: "no verifier configured"} },
	}
	for name, h := range more {
		table[name] = h
	}
	return table
}

// ask answers a device's question, beside everything else.
func (h *Hub) ask(ctx context.Context, topic wire.Topic, raw []byte) {
	s, err := wire.ParseSealed(raw)
	var plain []byte
	if err == nil {
		plain, err = h.keys.open(seal.Request, topic.Device, s.Sealed)
	}
	var r wire.Request
	if err == nil {
		r, err = wire.ParseRequest(plain)
	}
	if err != nil {
		h.log.Warn("a question is unreadable", "device", topic.Device, "err", err)
		return
	}
	select {
	case h.asking <- struct{}{}:
	default:
		h.answer(topic, r, Answer{Text: "the hub is busy"})
		return
	}
	h.questions.Go(func() {
		defer func() { <-h.asking }()
		limited, cancel := context.WithTimeout(ctx, questionTimeout)
		defer cancel()
		handle := h.handlers[r.Name]
		if handle == nil {
			h.answer(topic, r, Answer{Text: "the hub does not answer this question"})
			return
		}
		h.answer(topic, r, handle(limited, Question{Device: topic.Device, Site: topic.Site, ID: r.ID, Name: r.Name, Data: r.Data}))
	})
}

// answer publishes a response, for the device's eyes only where its box is known.
func (h *Hub) answer(topic wire.Topic, r wire.Request, a Answer) {
	message := wire.Encode(wire.Response{ID: r.ID, OK: a.OK, Text: a.Text, Data: a.Data})
	to := topic.With(wire.Responses)
	if sealed, ok := h.keys.sealTo(wire.Responses, topic.Device, message); ok {
		h.queue.put(to.String(), sealed)
		return
	}
	h.tell(to, message, h.isPlain(topic.Device))
}
