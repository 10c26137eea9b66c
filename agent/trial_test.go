package agent

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/seal"
	"tram/sync/wire"
)

// pretend makes a broker that says for itself that the hub is up, and repeats an
// acknowledgement that the hub really signed once.
func (r *rig) pretend() *hubtest.Mosquitto {
	r.t.Helper()
	keys, err := hub.LoadKeys(r.hub.Dir)
	if err != nil {
		r.t.Fatal(err)
	}
	old, err := keys.Signer().Sign(seal.Ack, rigName, wire.Encode(wire.Ack{Hub: "hub"}))
	if err != nil {
		r.t.Fatal(err)
	}
	m := hubtest.StartMosquitto(r.t)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(m.URL).SetClientID("pretender").SetAutoReconnect(false))
	defer c.Disconnect(0)
	acks, err := wire.NewTopic(r.config.Device.Site, rigName, wire.Acks)
	if err != nil {
		r.t.Fatal(err)
	}
	up := wire.Encode(wire.State{State: "up", Hub: "hub", Instance: "one", Time: time.Now().UTC()})
	for _, step := range []func() mqtt.Token{
		c.Connect,
		func() mqtt.Token { return c.Publish(wire.HubStateTopic("one"), 1, true, up) },
		func() mqtt.Token { return c.Publish(acks.String(), 1, true, old) },
	} {
		if token := step(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			r.t.Fatal("the broker does not take it")
		}
	}
	return m
}

func TestABrokerThatOnlySaysThatTheHubIsUpDoesNotKeepPushedSettings(t *testing.T) {
	r := newRig(t)
	r.start()
	r.waitFor("connected", connected)
	m := r.pretend()
	id := r.order("config", yamlData("hub: {broker: \""+m.URL+"\"}\n", 10))
	r.waitFor("connected to the other broker, with the settings on trial", func(s Status) bool { return s.Settings.Trial && connected(s) })
	r.visit() // nobody acknowledges it there
	ok, text, _ := r.reply(id)
	if ok || text == "" {
		t.Errorf("the hub was told %v, %q; want that the settings were taken back", ok, text)
	}
	r.waitFor("back at the hub, and the record delivered", func(s Status) bool {
		return connected(s) && !s.Settings.Config && !s.Settings.Trial && s.Hub.Waiting == 0
	})
}
