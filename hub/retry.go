package hub

import (
	"context"
	"time"

	"tram/hub/store"
	"tram/sync/wire"
)

// retryPage is how many envelopes kept aside are looked at together.
const retryPage = 32

// retry opens what was kept aside once more, when a device's key has arrived or
// changed since it was last tried, until ctx ends.
func (h *Hub) retry(ctx context.Context) {
	tried := map[string]string{} // device to the id of the key that was tried
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(h.opt.RetryEvery):
		}
		if err := h.retryAll(ctx, tried); err != nil && ctx.Err() == nil {
			h.log.Error("what was kept aside is not looked at", "err", err)
		}
	}
}

func (h *Hub) retryAll(ctx context.Context, tried map[string]string) error {
	now := map[string]string{} // what is tried in this round
	for after := uint64(0); ; {
		list, err := h.store.Asides(ctx, after, retryPage)
		if err != nil || len(list) == 0 {
			for device, id := range now {
				tried[device] = id
			}
			return err
		}
		after = list[len(list)-1].Number
		var a store.Arrivals
		sites := map[string]string{}
		for i := range list {
			it, ok := h.again(&list[i], tried, now)
			if ok {
				a.Items = append(a.Items, it)
				sites[it.Device] = it.Site
			}
		}
		if len(a.Items) == 0 {
			continue
		}
		out, err := h.put(ctx, a)
		if err != nil {
			return err
		}
		h.log.Info("envelopes that were kept aside are accepted", "envelopes", len(a.Items))
		for device, site := range sites {
			if topic, err := wire.NewTopic(site, device, wire.Records); err == nil {
				h.acknowledge(topic, out, nil)
			}
		}
	}
}

// again opens an envelope that was kept aside, when there is a new reason to.
func (h *Hub) again(a *store.Aside, tried, now map[string]string) (store.Item, bool) {
	if a.Reason != "unknown-device" && a.Reason != "unknown-key" {
		return store.Item{}, false
	}
	key, err := h.devices.Key(a.Device, "")
	if err != nil {
		return store.Item{}, false
	}
	id := key.KeyID() + " " + h.keys.version()
	if tried[a.Device] == id {
		return store.Item{}, false
	}
	now[a.Device] = id
	it := store.Item{Device: a.Device, Site: a.Site, Sealed: a.Sealed, First: a.First, Last: a.Last}
	h.open(&it)
	return it, it.Refused == ""
}
