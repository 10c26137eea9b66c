package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tram/agent/command"
	"tram/agent/keep"
	"tram/drivers/emrtd"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// listKinds are the lists that a hub gives to a device.
var listKinds = []keep.Kind{keep.Roster, keep.AllowList, keep.Notices, keep.Catalogues}

// orders is what this device lets its hub do.
func (a *Agent) orders() command.Device {
	return command.Device{
		Settings: trier{a}, Lists: a.lists, Trust: a.importTrust, Resend: a.resend,
		HubKeys: a.setHubKeys, Collect: a.collect, Ping: a.ping,
	}
}

// uplinkOptions is how the uplink reaches the hub, and what of the hub it believes.
func (a *Agent) uplinkOptions(sealer *seal.Sealer, box *seal.DeviceBox) uplink.Options {
	c, hub := a.config, a.hubKeys
	return uplink.Options{
		Broker: c.Hub.Broker, Site: c.Device.Site, Device: c.Device.Name, Store: a.store, Inbox: a.inbox,
		Open: func(kind string, payload []byte) ([]byte, bool, error) {
			return seal.OpenHubMessage(kind, c.Device.Name, payload, hub, box)
		},
		Seal:        sealer.SealAs,
		Credentials: a.identity.credentials(),
		About:       wire.Status{Version: a.opt.Version, Format: seal.Format, HubKey: hub.Encryption().KeyID(), Plain: !hub.Signs()},
		Log:         a.log,
	}
}

// clock is the time, and whether it is known to be right.
func (a *Agent) clock() (time.Time, bool) {
	if a.opt.Clock != nil {
		return a.opt.Clock()
	}
	stat, err := a.store.Stat()
	return time.Now(), err == nil && stat.Clock == "synced"
}

// importTrust brings files into the operator's trust store.
func (a *Agent) importTrust(files [][]byte) (string, error) {
	list := make([]emrtd.TrustFile, len(files))
	for i, f := range files {
		list[i] = emrtd.TrustFile{Name: fmt.Sprintf("file %d", i+1), Content: f}
	}
	done, err := emrtd.OpenTrustStore(a.config.TrustDir()).Import(list, emrtd.ImportOptions{})
	if err != nil {
		return "", err
	}
	var text, refused []string
	for _, f := range done {
		if f.Err != nil {
			refused = append(refused, fmt.Sprintf("%s: %v", f.File, f.Err))
			continue
		}
		text = append(text, fmt.Sprintf("%s: %s, %d new, %d known, %d refused", f.File, f.Kind, f.New, f.Known, len(f.Refused)))
	}
	all := strings.Join(append(text, refused...), "; ")
	if len(refused) > 0 {
		return "", errors.New(all)
	}
	return all, nil
}

// resend sends what is still here again and returns what is not.
func (a *Agent) resend(ranges []wire.Range) []wire.Range {
	var gone []wire.Range
	for _, r := range ranges {
		gone = append(gone, a.gone(r)...)
	}
	a.uplink.Reconnect() // which begins anew with all that is not delivered
	return gone
}

// gone lists the parts of a range that are not in the queue.
func (a *Agent) gone(r wire.Range) []wire.Range {
	var gone []wire.Range
	next := r.First
	after := uint64(0)
	if r.First > 100 {
		after = r.First - 100 // an envelope that begins before the range may reach into it
	}
	for {
		entries, err := a.store.List(after, 500)
		if err != nil || len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if e.First > r.Last {
				break
			}
			if e.Last < next {
				continue
			}
			if e.First > next {
				gone = append(gone, wire.Range{First: next, Last: min(e.First-1, r.Last)})
			}
			next = e.Last + 1
		}
		last := entries[len(entries)-1].First
		if last <= after || last > r.Last {
			break
		}
		after = last
	}
	if next <= r.Last {
		gone = append(gone, wire.Range{First: next, Last: r.Last})
	}
	return gone
}

// ping is what the hub learns from a device that listens.
func (a *Agent) ping() any {
	now, right := a.clock()
	clock := "synced"
	if !right {
		clock = wire.ClockUnsynced
	}
	return map[string]any{"version": a.opt.Version, "upSeconds": int(time.Since(a.started).Seconds()), "time": now.UTC(), "clock": clock}
}

// collect makes a support bundle that fits into a reply.
func (a *Agent) collect(ctx context.Context) ([]byte, error) {
	for _, logBytes := range []int{64 << 10, 16 << 10, 0} {
		b, err := a.makeBundle(ctx, logBytes)
		if err != nil || len(b) <= 96<<10 {
			return b, err
		}
	}
	return nil, errors.New("the support bundle is too large for a reply: run \"tram bundle\" at the device")
}
