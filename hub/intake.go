package hub

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// Bounds on messages.
const (
	maxTogether     = 64       // share one commit
	maxWaiting      = 8192     // wait to be taken: a whole fleet may come back at once
	maxWaitingBytes = 64 << 20 // of them
)

// message is one publish from a device, not yet looked at.
type message struct {
	topic   string
	payload []byte
	ack     func() // tells the broker that it is dealt with
}

// arrival is an envelope on its way through the intake.
type arrival struct {
	topic wire.Topic
	sent  wire.Envelope
	item  store.Item
}

// load is what came together and is committed together.
type load struct {
	messages []message
	arrivals []*arrival
	heard    []store.Heard
	answers  []store.Answer
	topics   map[string]wire.Topic // of each device that is answered
	asked    map[string]bool       // devices that only want to know
}

// intake takes what waits, opens it, and hands it to the one that commits,
// until ctx ends. While one load is committed the next one is opened.
func (h *Hub) intake(ctx context.Context) {
	opened := make(chan *load)
	var committer sync.WaitGroup
	committer.Go(func() {
		for l := range opened {
			h.finish(ctx, l)
		}
	})
	defer committer.Wait()
	defer close(opened)
	for {
		var batch []message
		select {
		case <-ctx.Done():
			return
		case m := <-h.inbox:
			batch = append(batch, m)
		}
		for len(batch) < maxTogether {
			select {
			case m := <-h.inbox:
				batch = append(batch, m)
				continue
			default:
			}
			break
		}
		for _, m := range batch {
			h.waiting.Add(-int64(len(m.payload)))
		}
		l := h.sort(ctx, batch)
		h.openAll(ctx, l.arrivals)
		opened <- l // finish returns soon when ctx has ended
	}
}

// sort reads messages and puts them where they are dealt with.
func (h *Hub) sort(ctx context.Context, batch []message) *load {
	l := &load{messages: batch, topics: map[string]wire.Topic{}, asked: map[string]bool{}}
	for _, m := range batch {
		topic, err := wire.ParseTopic(m.topic)
		if err != nil {
			h.log.Warn("a message on a topic that is none", "err", err)
			continue
		}
		switch topic.Kind {
		case wire.Records:
			b, err := wire.ParseBatch(m.payload)
			if err != nil {
				h.log.Warn("a batch is unreadable", "device", topic.Device, "err", err)
				continue
			}
			l.topics[topic.Device] = topic
			for _, e := range b.Envelopes {
				l.arrivals = append(l.arrivals, &arrival{topic: topic, sent: e})
			}
		case wire.StatusOf:
			if len(m.payload) == 0 {
				continue // somebody cleared the retained status
			}
			s, err := wire.ParseStatus(m.payload)
			if err != nil {
				h.log.Warn("a status is unreadable", "device", topic.Device, "err", err)
				continue
			}
			l.heard = append(l.heard, store.Heard{Device: topic.Device, Site: topic.Site, Status: s, Checks: h.checks(topic.Device, s)})
			if s.State == "online" {
				l.asked[topic.Device] = true
				l.topics[topic.Device] = topic
			}
		case wire.Replies:
			if a, ok := h.readReply(topic.Device, m.payload); ok {
				l.answers = append(l.answers, a)
			}
		case wire.Requests:
			h.ask(ctx, topic, m.payload)
		}
	}
	return l
}

// openAll opens envelopes on all cores.
func (h *Hub) openAll(ctx context.Context, arrivals []*arrival) {
	if len(arrivals) == 0 {
		return
	}
	items := make([]store.Item, len(arrivals))
	for i, a := range arrivals {
		a.item = store.Item{Device: a.topic.Device, Site: a.topic.Site, Sealed: a.sent.Sealed, First: a.sent.First, Last: a.sent.Last}
		items[i] = a.item
	}
	// A duplicate is not worth opening; when the store cannot say, all are opened.
	known, err := h.store.Known(ctx, items)
	if err != nil {
		known = make([]bool, len(items))
	}
	var wg sync.WaitGroup
	work := make(chan *arrival)
	for range min(runtime.GOMAXPROCS(0), len(arrivals)) {
		wg.Go(func() {
			for a := range work {
				h.open(&a.item)
			}
		})
	}
	for i, a := range arrivals {
		if a.item.Known = known[i]; !a.item.Known {
			work <- a
		}
	}
	close(work)
	wg.Wait()
}

// open fills in an item: the records inside, or why it is refused.
func (h *Hub) open(it *store.Item) {
	it.Events, it.Refused = nil, ""
	plain, err := h.keys.open(seal.Records, it.Device, it.Sealed)
	if err != nil {
		switch {
		case errors.Is(err, ErrUnknownDevice):
			it.Refused = "unknown-device"
		case errors.Is(err, seal.ErrUnknownKey):
			it.Refused = "unknown-key"
		default:
			it.Refused = "seal"
		}
		h.log.Warn("an envelope does not open", "device", it.Device, "seq", it.First, "err", err)
		return
	}
	events, err := wire.ParseEvents(plain)
	switch {
	case err != nil:
		it.Refused = "format"
		h.log.Warn("an envelope holds no records", "device", it.Device, "seq", it.First, "err", err)
	case events[0].Source != wire.Source(it.Device):
		it.Refused = "source"
		h.log.Warn("an envelope holds another device's records", "device", it.Device, "seq", it.First)
	default:
		it.Events = events
	}
}

// finish commits a load and tells the devices. Nothing is acknowledged before
// it is committed; a store that does not serve is tried until ctx ends, and
// meanwhile what arrives more than the intake can hold is left to the devices,
// who send again.
func (h *Hub) finish(ctx context.Context, l *load) {
	arrivals := store.Arrivals{Heard: l.heard, Answers: l.answers, Items: make([]store.Item, len(l.arrivals))}
	for i, a := range l.arrivals {
		arrivals.Items[i] = a.item
	}
	out, err := h.put(ctx, arrivals)
	if err != nil {
		return // ctx ended
	}
	rejected := map[string][]wire.Rejected{}
	for i, a := range l.arrivals {
		list := rejected[a.topic.Device]
		if r := out.Results[i]; r != store.Stored && r != store.Duplicate {
			list = append(list, wire.Rejected{First: a.sent.First, Last: a.sent.Last, Reason: r})
		}
		rejected[a.topic.Device] = list
	}
	for device, refusals := range rejected {
		delete(l.asked, device)
		h.acknowledge(l.topics[device], out, refusals)
	}
	for device := range l.asked {
		// A device that only asked is told when there is something to tell.
		if out.Acks[device].Highwater > 0 {
			h.acknowledge(l.topics[device], out, nil)
		}
	}
	for _, m := range l.messages {
		m.ack()
	}
	for i := range l.heard {
		h.plain.Store(l.heard[i].Device, out.Plain[l.heard[i].Device])
		if l.heard[i].Status.State == "online" {
			h.orders.heard(l.heard[i], out.Acks[l.heard[i].Device])
		}
	}
}

// put commits arrivals, again and again while the store does not serve.
func (h *Hub) put(ctx context.Context, a store.Arrivals) (store.Outcome, error) {
	if len(a.Items)+len(a.Heard)+len(a.Answers) == 0 {
		return store.Outcome{}, nil
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		out, err := h.store.Put(ctx, a, time.Now())
		if err == nil {
			if h.opt.Committed != nil {
				h.opt.Committed(len(a.Items))
			}
			return out, nil
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		h.log.Error("records are not stored; trying again", "err", err, "pause", pause)
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// acknowledge tells a device what the hub has, and what was refused.
func (h *Hub) acknowledge(topic wire.Topic, out store.Outcome, rejected []wire.Rejected) {
	ack, plain := out.Acks[topic.Device], out.Plain[topic.Device]
	ack.Hub = h.store.ID()
	to := topic.With(wire.Acks)
	for part := range slices.Chunk(rejected, wire.MaxEnvelopes) {
		ack.Rejected = part
		h.tell(to, wire.Encode(ack), plain)
	}
	if len(rejected) == 0 {
		h.tell(to, wire.Encode(ack), plain)
	}
}
