package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/seal"
	"tram/sync/wire"
)

// errTimeout is returned when the broker leaves something unanswered.
var errTimeout = errors.New("the broker does not answer")

// writeTimeout bounds one packet's way into the socket.
const writeTimeout = 3 * time.Second

// open dials until ctx ends.
func (e endpoint) open(ctx context.Context) (conn net.Conn, met bool, err error) {
	plain, err := new(net.Dialer).DialContext(ctx, "tcp", e.address)
	if err != nil || e.tls == nil {
		return plain, err == nil, err
	}
	secure := tls.Client(plain, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, true, err
	}
	return secure, true, nil
}

// connection is one MQTT client from its connect to its end.
type connection struct {
	client mqtt.Client
	in     chan mqtt.Message // bounded; see receive
	lost   chan error

	mu   sync.Mutex
	conn net.Conn
	met  bool // something answered at the broker's address
}

// receive takes a message from paho's router and returns at once. When the
// queue is full the message is dropped: acknowledgements and states are
// cumulative, and the hub repeats a command that has no reply.
func (c *connection) receive(_ mqtt.Client, m mqtt.Message) {
	select {
	case c.in <- m:
	default:
	}
}

// connectOnce makes one connection and serves it until it is lost or ctx ends.
// It reports whether the hub acknowledged anything meanwhile.
func (u *Uplink) connectOnce(ctx context.Context) (useful bool, err error) {
	c := &connection{in: make(chan mqtt.Message, 256), lost: make(chan error, 1)}
	dialed, cancel := context.WithTimeout(ctx, u.opt.Timeout)
	defer cancel()
	to, err := u.endpoint()
	if err != nil {
		return false, fmt.Errorf("connect to %s: %w", u.opt.Broker, err)
	}
	c.client = mqtt.NewClient(u.options(dialed, to, c))
	defer c.close()
	if err := u.enter(dialed, c); err != nil {
		return false, err
	}
	if err := u.announce(ctx, c, "online"); err != nil {
		return false, err
	}
	u.announced = true
	s := newSession(u, c)
	err = s.run(ctx)
	if ctx.Err() != nil {
		// The will is for those who cannot say good-bye.
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(time.Second, u.opt.Timeout))
		defer cancel()
		_ = u.announce(bye, c, "offline")
		return s.useful, nil
	}
	if !errors.Is(err, errReconnect) {
		u.lost(time.Now())
	}
	return s.useful, err
}

// endpoint returns where to connect to, with the certificate to try.
func (u *Uplink) endpoint() (endpoint, error) {
	if u.dial.tls == nil || u.opt.Credentials == nil {
		return u.dial, nil
	}
	config, err := u.opt.Credentials.TLS()
	if err != nil {
		return endpoint{}, fmt.Errorf("take the device's certificate: %w", err)
	}
	return u.dial.with(config), nil
}

// enter connects and subscribes, and says whether the certificate was good for it.
func (u *Uplink) enter(ctx context.Context, c *connection) error {
	err := wait(ctx, c.client.Connect(), u.opt.Timeout)
	if err != nil {
		err = fmt.Errorf("connect to %s: %w", u.opt.Broker, err)
	} else {
		err = u.subscribe(ctx, c)
	}
	if u.opt.Credentials == nil || u.dial.tls == nil {
		return err
	}
	c.mu.Lock()
	met := c.met
	c.mu.Unlock()
	switch {
	case err == nil:
		u.opt.Credentials.Connected()
	case met && !errors.Is(err, errTimeout) && !errors.Is(err, context.Canceled):
		u.opt.Credentials.Failed(err)
	}
	return err
}

// options are the only honest settings: nothing stored, nothing repeated,
// nothing reconnected behind our back.
func (u *Uplink) options(ctx context.Context, to endpoint, c *connection) *mqtt.ClientOptions {
	will := wire.Encode(u.status("offline"))
	o := mqtt.NewClientOptions().
		AddBroker("tcp://"+to.address).
		SetClientID(u.opt.Device).
		SetUsername(u.opt.Username).
		SetPassword(u.opt.Password).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetAutoAckDisabled(true).
		SetConnectTimeout(u.opt.Timeout).
		SetWriteTimeout(min(writeTimeout, u.opt.Timeout)).
		SetKeepAlive(30*time.Second).
		SetPingTimeout(u.opt.Timeout).
		SetBinaryWill(u.topic.With(wire.StatusOf).String(), will, 1, true).
		SetDefaultPublishHandler(c.receive).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case c.lost <- err:
			default:
			}
		})
	return o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		conn, met, err := to.open(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conn, c.met = conn, met
		return conn, err
	})
}

// subscribe asks for the hub's topics and checks that the broker granted them.
func (u *Uplink) subscribe(ctx context.Context, c *connection) error {
	filters := map[string]byte{
		wire.HubStates:                        1,
		u.topic.With(wire.Acks).String():      1,
		u.topic.With(wire.Commands).String():  1,
		u.topic.With(wire.Responses).String(): 1,
		u.topic.With(wire.StatusOf).String():  1, // our own: another's word there is a duplicate
	}
	token := c.client.SubscribeMultiple(filters, nil)
	if err := wait(ctx, token, u.opt.Timeout); err != nil {
		return fmt.Errorf("subscribe at %s: %w", u.opt.Broker, err)
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok {
		for topic, qos := range t.Result() {
			if qos > 1 {
				return fmt.Errorf("subscribe at %s: the broker refuses %s", u.opt.Broker, topic)
			}
		}
	}
	return nil
}

// announce publishes the device's retained status.
func (u *Uplink) announce(ctx context.Context, c *connection, state string) error {
	token := c.client.Publish(u.topic.With(wire.StatusOf).String(), 1, true, wire.Encode(u.status(state)))
	if err := wait(ctx, token, u.opt.Timeout); err != nil {
		return fmt.Errorf("announce %s at %s: %w", state, u.opt.Broker, err)
	}
	return nil
}

// status is what the device says of itself.
func (u *Uplink) status(state string) wire.Status {
	s := u.opt.About
	s.State, s.Instance, s.Time = state, u.instance, time.Now().UTC()
	s.Format = seal.Format
	s.Plain = s.Plain || u.opt.Open == nil
	if u.opt.Inbox != nil {
		s.Commands = u.opt.Inbox.Highwater()
	}
	if stat, err := u.opt.Store.Stat(); err == nil {
		s.Last, s.Pending, s.Oldest = stat.Last, stat.Pending, stat.Oldest
	}
	return s
}

// close ends the client and its socket, whatever state they are in.
func (c *connection) close() {
	c.client.Disconnect(100)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// wait waits for a token without trusting it to complete.
func wait(ctx context.Context, token mqtt.Token, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errTimeout
	}
}
