package hub

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// maxTogether is how many messages share one commit.
const maxTogether = 64

// message is one publish from a device, not yet looked at.
type message struct {
	topic   string
	payload []byte
	ack     func() // tells the broker that it is dealt with
}

// intake takes what waits, commits it, acknowledges it, and again, until ctx ends.
func (h *Hub) intake(ctx context.Context) {
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
		h.take(batch)
	}
}

// arrival is an envelope on its way through take.
type arrival struct {
	topic wire.Topic
	sent  wire.Envelope
	item  store.Item
	known bool
}

// take deals with messages that came together.
func (h *Hub) take(batch []message) {
	var arrivals []*arrival
	asked := map[wire.Topic]bool{} // devices that only want to know
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
			for _, e := range b.Envelopes {
				arrivals = append(arrivals, &arrival{topic: topic, sent: e})
			}
		case wire.StatusOf:
			if s, err := wire.ParseStatus(m.payload); err == nil && s.State == "online" {
				asked[topic.With(wire.Records)] = true
			}
		}
	}
	h.openAll(arrivals)
	rejected, err := h.commit(arrivals)
	if err != nil {
		// Nothing is acknowledged: the devices keep the records and send again.
		h.log.Error("records are not stored", "err", err)
		return
	}
	for topic := range rejected {
		delete(asked, topic)
	}
	for topic, refusals := range rejected {
		h.acknowledge(topic, refusals, true)
	}
	for topic := range asked {
		h.acknowledge(topic, nil, false)
	}
	for _, m := range batch {
		m.ack()
	}
}

// openAll opens envelopes on all cores.
func (h *Hub) openAll(arrivals []*arrival) {
	var wg sync.WaitGroup
	work := make(chan *arrival)
	for range min(runtime.GOMAXPROCS(0), len(arrivals)) {
		wg.Go(func() {
			for a := range work {
				h.open(a)
			}
		})
	}
	for _, a := range arrivals {
		work <- a
	}
	close(work)
	wg.Wait()
}

// open fills in the arrival's item: the records inside, or why it is refused.
func (h *Hub) open(a *arrival) {
	device := a.topic.Device
	a.item = store.Item{Device: device, Sealed: []byte(a.sent.Sealed), First: a.sent.First, Last: a.sent.Last}
	if known, err := h.store.Known(device, a.sent.First, a.item.Sealed); err == nil && known {
		a.known = true
		return // a duplicate, not worth opening
	}
	plain, err := h.opener.Open(device, a.item.Sealed)
	if err != nil {
		switch {
		case errors.Is(err, ErrUnknownDevice):
			a.item.Refused = "unknown-device"
		case errors.Is(err, seal.ErrUnknownKey):
			a.item.Refused = "unknown-key"
		default:
			a.item.Refused = "seal"
		}
		h.log.Warn("an envelope does not open", "device", device, "seq", a.sent.First, "err", err)
		return
	}
	events, err := wire.ParseEvents(plain)
	switch {
	case err != nil:
		a.item.Refused = "format"
		h.log.Warn("an envelope holds no records", "device", device, "seq", a.sent.First, "err", err)
	case events[0].Source != wire.Source(device):
		a.item.Refused = "source"
		h.log.Warn("an envelope holds another device's records", "device", device, "seq", a.sent.First)
	default:
		a.item.Events = events
	}
}

// commit stores the arrivals and returns what each device must be told was
// refused. Every device that sent something is in the result.
func (h *Hub) commit(arrivals []*arrival) (map[wire.Topic][]wire.Rejected, error) {
	rejected := map[wire.Topic][]wire.Rejected{}
	if len(arrivals) == 0 {
		return rejected, nil
	}
	items := make([]store.Item, len(arrivals))
	for i, a := range arrivals {
		items[i] = a.item
	}
	results, err := h.store.Put(items, time.Now())
	if err != nil {
		return nil, err
	}
	if h.opt.Committed != nil {
		h.opt.Committed(len(items))
	}
	for i, a := range arrivals {
		list := rejected[a.topic]
		if r := results[i]; r != store.Stored && r != store.Duplicate {
			list = append(list, wire.Rejected{First: a.sent.First, Last: a.sent.Last, Reason: r})
		}
		rejected[a.topic] = list
	}
	return rejected, nil
}

// acknowledge tells a device what the hub has; a device that only asked is told
// when there is something to tell.
func (h *Hub) acknowledge(topic wire.Topic, rejected []wire.Rejected, always bool) {
	ack, err := h.store.Ack(topic.Device)
	if err != nil {
		h.log.Error("nothing is acknowledged", "device", topic.Device, "err", err)
		return
	}
	if ack.Highwater == 0 && !always {
		return
	}
	ack.Hub = h.instance
	for part := range slices.Chunk(rejected, wire.MaxEnvelopes) {
		ack.Rejected = part
		h.queue.put(topic.With(wire.Acks).String(), wire.Encode(ack))
	}
	if len(rejected) == 0 {
		h.queue.put(topic.With(wire.Acks).String(), wire.Encode(ack))
	}
}
