package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/wire"
)

// brokerTimeout bounds one step with the broker.
const brokerTimeout = 10 * time.Second

var errNoAnswer = errors.New("the broker does not answer")

// client is the hub's own way to the broker: a new MQTT client for each
// connection, nothing stored, nothing repeated behind our back.
type client struct {
	hub      *Hub
	id       string
	password string // "" at a broker of others
	url      string
	ready    func()
}

// run keeps a connection until ctx ends.
func (c *client) run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		begin := time.Now()
		err := c.connectOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begin) > time.Minute {
			failures = 0
		}
		bound := min(c.hub.opt.BackoffMax, 250*time.Millisecond<<min(failures, 16))
		failures++
		pause := 1 + rand.N(bound)
		c.hub.log.Warn("the hub has no broker", "err", err, "pause", pause.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (c *client) connectOnce(ctx context.Context) error {
	lost := make(chan error, 1)
	socket := &socket{ctx: ctx}
	client := mqtt.NewClient(c.options(socket, lost))
	defer socket.close()
	defer client.Disconnect(250)
	if err := wait(ctx, client.Connect()); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	filters := map[string]byte{wire.Every(wire.Records): 1, wire.Every(wire.StatusOf): 1}
	token := client.SubscribeMultiple(filters, nil)
	if err := wait(ctx, token); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok {
		for filter, qos := range t.Result() {
			if qos > 1 {
				return fmt.Errorf("subscribe: the broker refuses %s", filter)
			}
		}
	}
	if err := wait(ctx, c.say(client, "up")); err != nil {
		return fmt.Errorf("say that the hub is up: %w", err)
	}
	c.ready()
	err := c.publish(ctx, client, lost)
	if ctx.Err() != nil {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = wait(bye, c.say(client, "down"))
	}
	return err
}

// publish sends acknowledgements until the connection is lost or ctx ends.
func (c *client) publish(ctx context.Context, client mqtt.Client, lost <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			return fmt.Errorf("connection lost: %w", err)
		case <-c.hub.queue.wake:
		}
		for _, m := range c.hub.queue.take() {
			// Its PUBACK is nothing to wait for: an acknowledgement that is
			// lost is made again when the device sends again.
			client.Publish(m.topic, 1, false, m.payload)
		}
	}
}

func (c *client) state(state string) []byte {
	return wire.Encode(wire.State{State: state, Hub: c.hub.instance, Time: time.Now().UTC()})
}

func (c *client) say(client mqtt.Client, state string) mqtt.Token {
	return client.Publish(wire.HubStateTopic, 1, true, c.state(state))
}

func (c *client) options(s *socket, lost chan<- error) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().
		AddBroker(c.url).
		SetClientID(c.id).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetAutoAckDisabled(true).
		SetConnectTimeout(brokerTimeout).
		SetWriteTimeout(3*time.Second).
		SetKeepAlive(30*time.Second).
		SetPingTimeout(brokerTimeout).
		SetBinaryWill(wire.HubStateTopic, c.state("down"), 1, true).
		SetDefaultPublishHandler(c.receive).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	if c.password != "" {
		o.SetUsername("hub").SetPassword(c.password)
	}
	if at, err := url.Parse(c.url); err == nil && (at.Scheme == "tcp" || at.Scheme == "mqtt") {
		o.SetCustomOpenConnectionFn(s.open)
	}
	return o
}

// receive takes a message from the MQTT library and returns at once. One for
// which there is no room is dropped, and acknowledged to nobody: the device
// sends it again.
func (c *client) receive(_ mqtt.Client, m mqtt.Message) {
	select {
	case c.hub.inbox <- message{topic: m.Topic(), payload: m.Payload(), ack: m.Ack}:
	default:
		m.Ack() // to the broker only, so that it goes on
		c.hub.log.Warn("more arrives than can be stored; a batch is dropped and will come again")
	}
}

// socket is a connection that ctx can end, whatever the library does.
type socket struct {
	ctx context.Context

	mu   sync.Mutex
	conn net.Conn
}

func (s *socket) open(at *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, o.ConnectTimeout)
	defer cancel()
	host := at.Host
	if at.Port() == "" {
		host = net.JoinHostPort(at.Hostname(), "1883")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return conn, err
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

func wait(ctx context.Context, token mqtt.Token) error {
	timer := time.NewTimer(brokerTimeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errNoAnswer
	}
}
