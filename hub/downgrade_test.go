package hub_test

import (
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/wire"
)

// TestAStatusInADevicesNameDoesNotMakeTheHubSpeakUnsigned: whoever can write to a
// status topic could otherwise keep the device from its acknowledgements, which it
// only takes signed.
func TestAStatusInADevicesNameDoesNotMakeTheHubSpeakUnsigned(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	online := func(p *peer, status wire.Status) {
		t.Helper()
		status.State, status.Instance, status.Time = "online", "one", time.Now().UTC()
		p.done(p.client.Publish(p.topic.With(wire.StatusOf).String(), 1, true, wire.Encode(status)))
	}
	p := connect(t, h, "desk-1") // fails the test at an unsigned acknowledgement
	online(p, wire.Status{Format: "tram2"})
	p.send(batch(envelope(t, s, "desk-1", 1, 1, wire.Hash{}, kind, "x")))
	online(p, wire.Status{})
	p.send(batch(envelope(t, s, "desk-1", 2, 2, wire.Hash{}, kind, "x")))
	online(p, wire.Status{Format: "tram2", Plain: true})
	p.send(batch(envelope(t, s, "desk-1", 3, 3, wire.Hash{}, kind, "x")))
	p.client.Disconnect(100)
	h.Stop()
	h = hubtest.StartHub(t, dir, hub.Options{})
	p = connect(t, h, "desk-1")
	online(p, wire.Status{Plain: true})
	p.send(batch(envelope(t, s, "desk-1", 4, 4, wire.Hash{}, kind, "x"))) // or the answer to "online" came first
	hubtest.Until(t, "a signed acknowledgement of all four", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.acks[len(p.acks)-1].Highwater == 4
	})
}
