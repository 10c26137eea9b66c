package hub_test

import (
	"context"
	"os"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/testdata"
)

// TestNATSIsABrokerToo is the whole contract through a broker of another make,
// with the settings that the project ships for it.
func TestNATSIsABrokerToo(t *testing.T) {
	config, err := os.ReadFile(testdata.Project("configs/nats/tram.conf"))
	if err != nil {
		t.Fatal(err)
	}
	nats := hubtest.StartNATS(t, string(config))
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{MQTT: nats.URL})
	d := startDevice(t, dir, nats.URL, "desk-1", true)
	d.accept(300)
	d.delivered()
	if v := order(t, hub.Place{Data: dir}, "desk-1", "ping", map[string]int{"n": 7}); !v.OK || string(v.Data) != `{"n":7}` {
		t.Errorf("a command through NATS: %+v", v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if a, err := d.uplink.Ask(ctx, "ping", nil); err != nil || !a.OK {
		t.Errorf("a question through NATS: %+v, %v", a, err)
	}
	h.Stop()
	hubtest.Until(t, "the device sees that the hub is down", func() bool { return d.uplink.State() == "hub-down" })
	d.accept(50)
	hubtest.StartHub(t, dir, hub.Options{MQTT: nats.URL})
	d.delivered()
	r := hubtest.Report(t, dir, "desk-1")
	if r.Records != r.Highwater || r.Records < 350 || len(r.Missing) != 0 || r.ChainBreaks != 0 || r.Rejected != 0 {
		t.Errorf("report %+v, want 350 records or more and nothing else", r)
	}
}
