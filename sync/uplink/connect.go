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

	"tram/sync/wire"
)

// errTimeout is returned when the broker leaves something unanswered.
var errTimeout = errors.New("the broker does not answer")

// writeTimeout bounds one packet's way into the socket.
const writeTimeout = 3 * time.Second

// open dials until ctx ends.
func (e endpoint) open(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.address)
	if err != nil || e.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// connection is one MQTT client from its connect to its end.
type connection struct {
	client mqtt.Client
	in     chan mqtt.Message // bounded; see receive
	lost   chan error

	mu   sync.Mutex
	conn net.Conn
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
	c.client = mqtt.NewClient(u.options(dialed, c))
	defer c.close()
	if err := wait(dialed, c.client.Connect(), u.opt.Timeout); err != nil {
		return false, fmt.Errorf("connect to %s: %w", u.opt.Broker, err)
	}
	if err := u.subscribe(ctx, c); err != nil {
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
	u.lost(time.Now())
	return s.useful, err
}

// options are the only honest settings: nothing stored, nothing repeated,
// nothing reconnected behind our back.
func (u *Uplink) options(ctx context.Context, c *connection) *mqtt.ClientOptions {
	will := wire.Encode(wire.Status{State: "offline", Instance: u.instance, Time: time.Now().UTC()})
	o := mqtt.NewClientOptions().
		AddBroker("tcp://"+u.dial.address).
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
		conn, err := u.dial.open(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conn = conn
		return conn, err
	})
}

// subscribe asks for the hub's topics and checks that the broker granted them.
func (u *Uplink) subscribe(ctx context.Context, c *connection) error {
	filters := map[string]byte{
		wire.HubStates:                       1,
		u.topic.With(wire.Acks).String():     1,
		u.topic.With(wire.Commands).String(): 1,
		u.topic.With(wire.StatusOf).String(): 1, // our own: another's word there is a duplicate
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
	status := wire.Status{State: state, Instance: u.instance, Time: time.Now().UTC(), Commands: u.commands.last()}
	if stat, err := u.opt.Store.Stat(); err == nil {
		status.Last, status.Pending = stat.Last, stat.Accepted-stat.Delivered
	}
	token := c.client.Publish(u.topic.With(wire.StatusOf).String(), 1, true, wire.Encode(status))
	if err := wait(ctx, token, u.opt.Timeout); err != nil {
		return fmt.Errorf("announce %s at %s: %w", state, u.opt.Broker, err)
	}
	return nil
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
