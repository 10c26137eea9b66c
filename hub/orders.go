package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tram/hub/store"
	"tram/sync/wire"
)

// Bounds on commands.
const (
	maxCommands   = 64               // sent at once
	commandRepeat = 30 * time.Second // until a command without a reply is sent again
	commandPoll   = time.Second      // how often another process's commands are looked for
	minRepeat     = 2 * time.Second  // even to a device that comes and goes
)

// orders brings commands to devices: what operators ask for, and what the hub
// asks for itself.
type orders struct {
	online chan heardOf
	added  chan struct{}
}

// heardOf is a device that said online, and what the hub told it.
type heardOf struct {
	store.Heard
	ack wire.Ack
}

func newOrders() *orders {
	return &orders{online: make(chan heardOf, 256), added: make(chan struct{}, 1)}
}

// heard notes a device that is online. When there is no room the next look
// at the store finds it.
func (o *orders) heard(h store.Heard, ack wire.Ack) {
	select {
	case o.online <- heardOf{h, ack}:
	default:
	}
}

func (o *orders) wake() {
	select {
	case o.added <- struct{}{}:
	default:
	}
}

// command sends commands until ctx ends: at once to a device that says online,
// and again until it replies.
func (h *Hub) command(ctx context.Context) {
	tick := time.NewTicker(commandPoll)
	defer tick.Stop()
	gaps := time.NewTicker(h.opt.GapsEvery)
	defer gaps.Stop()
	var missing map[string][]wire.Range
	h.keys.refresh()
	for {
		now := time.Now()
		select {
		case <-ctx.Done():
			return
		case d := <-h.orders.online:
			h.askAgain(ctx, d)
			// A new connection lost what was under way to the old one.
			h.send(ctx, d.Device, now, now.Add(-minRepeat))
		case <-h.orders.added:
			h.send(ctx, "", now, now.Add(-h.opt.CommandRepeat))
		case <-gaps.C:
			missing = h.lookForGaps(ctx, missing)
		case <-tick.C:
			h.keys.refresh()
			h.send(ctx, "", now, now.Add(-h.opt.CommandRepeat))
		}
	}
}

// send publishes the commands that are due.
func (h *Hub) send(ctx context.Context, device string, now, again time.Time) {
	list, err := h.store.Claim(ctx, device, now, again, maxCommands)
	if err != nil {
		if ctx.Err() == nil {
			h.log.Error("commands are not sent", "err", err)
		}
		return
	}
	for _, c := range list {
		topic, err := wire.NewTopic(c.Site, c.Device, wire.Commands)
		if err != nil {
			h.log.Error("a command is for no device", "command", c.ID, "err", err)
			continue
		}
		if c.Sealed {
			h.queue.put(topic.String(), c.Message)
		} else {
			h.tell(topic, c.Message, c.Plain)
		}
	}
}

// askAgain orders a device that has nothing left to send to send again what
// the hub misses: the device believes it delivered, so that no ack will make
// it send.
func (h *Hub) askAgain(ctx context.Context, d heardOf) {
	missing := d.ack.Missing
	if d.Status.Pending != 0 || d.Status.Last == 0 {
		return
	}
	if d.ack.Highwater < d.Status.Last && len(missing) < wire.MaxMissing {
		missing = append(missing[:len(missing):len(missing)], wire.Range{First: d.ack.Highwater + 1, Last: d.Status.Last})
	}
	if len(missing) == 0 {
		return
	}
	h.orderResend(ctx, d.Device, missing)
}

// orderResend orders a device to send ranges again. The order's id is made of
// what is missing, so that it is given once.
func (h *Hub) orderResend(ctx context.Context, device string, missing []wire.Range) {
	missing = missing[:min(len(missing), wire.MaxMissing)]
	data, err := json.Marshal(wireRanges{missing})
	if err != nil {
		return
	}
	sum := sha256.Sum256(append([]byte(device+" "), data...))
	id := "resend-" + hex.EncodeToString(sum[:8])
	if _, err := h.addCommand(ctx, Order{ID: id, Device: device, Name: "resend", Data: data}); err != nil && ctx.Err() == nil {
		h.log.Error("missing records are not asked for", "device", device, "err", err)
	}
}

// lookForGaps orders what is missing now and was missing the last time too:
// what is only on its way is not. It returns what is missing now.
func (h *Hub) lookForGaps(ctx context.Context, before map[string][]wire.Range) map[string][]wire.Range {
	devices, err := h.store.Report(ctx)
	if err != nil {
		return before
	}
	now := map[string][]wire.Range{}
	for _, d := range devices {
		if len(d.Missing) == 0 || !d.Online {
			continue
		}
		now[d.Device] = d.Missing
		if slices.Equal(before[d.Device], d.Missing) {
			h.orderResend(ctx, d.Device, d.Missing)
		}
	}
	return now
}

// wireRanges is the data of a resend command.
type wireRanges struct {
	Ranges []wire.Range `json:"ranges"`
}

// Order is what an operator wants a device to do.
type Order struct {
	ID     string          `json:"id"` // "": a new one
	Device string          `json:"device"`
	Name   string          `json:"name"`
	Data   json.RawMessage `json:"data,omitempty"`
	Valid  time.Duration   `json:"valid,omitempty"` // 0: for ever
}

// addCommand makes the message of an order and stores it.
func (h *Hub) addCommand(ctx context.Context, o Order) (store.Command, error) {
	c, err := h.keys.makeCommand(o, time.Now())
	if err != nil {
		return c, err
	}
	if err := h.store.AddCommand(ctx, c); err != nil {
		return c, err
	}
	h.orders.wake()
	return c, nil
}

// newCommandID returns an id that nobody used.
func newCommandID() string { return "c-" + rand.Text()[:16] }

// check returns what is wrong with an order.
func (o *Order) check() error {
	if err := wire.CheckName(o.Device); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	if o.Name == "" || len(o.Name) > 64 {
		return fmt.Errorf("%w: a command has a name of 1 to 64 characters", ErrOrder)
	}
	if len(o.Data) > 0 && !json.Valid(o.Data) {
		return fmt.Errorf("%w: its data is not JSON", ErrOrder)
	}
	if len(o.Data) > wire.MaxMessage/2 {
		return fmt.Errorf("%w: its data has %d bytes, at most %d", ErrOrder, len(o.Data), wire.MaxMessage/2)
	}
	return nil
}
