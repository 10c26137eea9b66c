package broker_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub/broker"
)

const patience = 10 * time.Second

func connect(t *testing.T, addr, id, password string) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(id).SetUsername(id).SetPassword(password).
		SetAutoReconnect(false).SetCleanSession(true).SetProtocolVersion(4))
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Errorf("connect %s: %v", id, token.Error())
	}
	return c
}

// A device that goes and comes back at once hears what is sent to it, however the
// end of its old connection and the beginning of the new one fall together.
func TestADeviceThatComesBackAtOnceIsNotDeaf(t *testing.T) {
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Hub: "hub", Password: "x", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	hub := connect(t, b.Addr(), "hub", "x")
	defer hub.Disconnect(0)
	var devices sync.WaitGroup
	for i := range 8 {
		devices.Go(func() {
			id := fmt.Sprintf("desk-%d", i)
			topic := "tram/v1/site/" + id + "/command"
			for round := range 25 {
				c := connect(t, b.Addr(), id, "")
				heard := make(chan string, 8)
				if token := c.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) { heard <- string(m.Payload()) }); !token.WaitTimeout(patience) || token.Error() != nil {
					t.Errorf("%s, round %d: subscribe: %v", id, round, token.Error())
					return
				}
				for word := range 2 { // the old connection's end may come after the first
					said := fmt.Sprint(round, word)
					hub.Publish(topic, 1, false, said).WaitTimeout(patience)
					select {
					case got := <-heard:
						if got != said {
							t.Errorf("%s heard %q, want %q", id, got, said)
						}
					case <-time.After(patience):
						t.Errorf("%s is deaf in round %d", id, round)
						return
					}
				}
				if round%2 == 0 {
					c.Disconnect(0)
				} else {
					go c.Disconnect(0) // the new connection may overtake the good-bye
				}
			}
		})
	}
	devices.Wait()
}
