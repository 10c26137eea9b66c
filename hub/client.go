package hub

import (
	"context"
	"crypto/tls"
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
	username string
	password string
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
	socket := &socket{ctx: ctx, tls: c.hub.opt.TLS}
	client := mqtt.NewClient(c.options(socket, lost))
	defer socket.close()
	defer client.Disconnect(250)
	if err := wait(ctx, client.Connect()); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	token := client.SubscribeMultiple(c.filters(), nil)
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
	if err := c.watch(ctx, client); err != nil {
		return err
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
	beat := time.NewTicker(c.hub.opt.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-c.hub.presence.news:
			c.clearDead(client)
			continue
		case <-beat.C:
			c.say(client, "up")
			c.clearDead(client)
			continue
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

// watch subscribes to the states of all instances.
func (c *client) watch(ctx context.Context, client mqtt.Client) error {
	if err := wait(ctx, client.Subscribe(wire.HubStates, 1, nil)); err != nil {
		return fmt.Errorf("subscribe to the hubs' states: %w", err)
	}
	return nil
}

// clearDead removes the retained states of instances that are no more, which
// would make devices believe that somebody takes their records.
func (c *client) clearDead(client mqtt.Client) {
	h := c.hub
	for _, instance := range h.presence.dead(h.instance, h.store.ID(), !h.store.Shared(), h.opt.StaleAfter) {
		h.log.Info("the state of a dead instance is cleared", "instance", instance)
		client.Publish(wire.HubStateTopic(instance), 1, true, []byte{})
	}
}

func (c *client) state(state string) []byte {
	return wire.Encode(wire.State{State: state, Instance: c.hub.instance, Hub: c.hub.store.ID(), Time: time.Now().UTC()})
}

func (c *client) say(client mqtt.Client, state string) mqtt.Token {
	return client.Publish(wire.HubStateTopic(c.hub.instance), 1, true, c.state(state))
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
		SetBinaryWill(wire.HubStateTopic(c.hub.instance), c.state("down"), 1, true).
		SetDefaultPublishHandler(c.receive).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	if c.username != "" {
		o.SetUsername(c.username).SetPassword(c.password)
	}
	return o.SetCustomOpenConnectionFn(s.open)
}

// receive takes a message from the MQTT library and returns at once. One for
// which there is no room is dropped, and acknowledged to nobody: the device
// sends it again.
func (c *client) receive(_ mqtt.Client, m mqtt.Message) {
	if instance := wire.HubInstance(m.Topic()); instance != "" {
		c.hub.presence.saw(instance, m.Payload())
		m.Ack()
		return
	}
	h := c.hub
	if h.waiting.Add(int64(len(m.Payload()))) <= maxWaitingBytes {
		select {
		case h.inbox <- message{topic: m.Topic(), payload: m.Payload(), ack: m.Ack}:
			return
		default:
		}
	}
	h.waiting.Add(-int64(len(m.Payload())))
	m.Ack() // to the broker only, so that it goes on
	h.log.Warn("more arrives than can be stored; a batch is dropped and will come again")
}

// shareName is the group in which hubs share what devices send.
const shareName = "$share/tram-hub/"

// filters are what the hub subscribes to. With a shared store each message
// goes to one of the hubs.
func (c *client) filters() map[string]byte {
	prefix := ""
	if c.hub.store.Shared() && !c.hub.opt.Plain && c.hub.opt.MQTT != "" {
		prefix = shareName
	}
	filters := map[string]byte{}
	for _, kind := range []wire.Kind{wire.Records, wire.StatusOf, wire.Replies, wire.Requests} {
		filters[prefix+wire.Every(kind)] = 1
	}
	return filters
}

// socket is a connection that ctx can end, whatever the library does.
type socket struct {
	ctx context.Context
	tls *tls.Config

	mu   sync.Mutex
	conn net.Conn
}

func (s *socket) open(at *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, o.ConnectTimeout)
	defer cancel()
	secure, port := false, "1883"
	switch at.Scheme {
	case "ssl", "tls", "mqtts":
		secure, port = true, "8883"
	}
	if at.Port() != "" {
		port = at.Port()
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), port))
	if err == nil && secure {
		conn, err = handshake(ctx, conn, at.Hostname(), s.tls)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return conn, err
}

func handshake(ctx context.Context, conn net.Conn, host string, config *tls.Config) (net.Conn, error) {
	c := &tls.Config{}
	if config != nil {
		c = config.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	secure := tls.Client(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
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
