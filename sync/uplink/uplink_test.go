package uplink_test

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// eachBroker runs a test at the hub's own broker and at a real Mosquitto.
func eachBroker(t *testing.T, test func(t *testing.T, dir, url string)) {
	t.Run("embedded", func(t *testing.T) {
		dir := t.TempDir()
		h := hubtest.StartHub(t, dir, hub.Options{})
		test(t, dir, "tcp://"+h.Addr)
	})
	t.Run("mosquitto", func(t *testing.T) {
		dir := t.TempDir()
		m := hubtest.StartMosquitto(t)
		hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
		test(t, dir, m.URL)
	})
}

func TestRecordsAreDelivered(t *testing.T) {
	eachBroker(t, func(t *testing.T, dir, url string) {
		d := startDesk(t, dir, uplink.Options{Broker: url})
		d.accept(300)
		d.delivered(300)
		d.state(uplink.Connected)
		whole(t, dir, 300)
		if st, err := d.store.Stat(); err != nil || st.Sent != 300 || st.Bytes != 0 {
			t.Errorf("Stat = %+v, %v; want 300 sent and nothing left", st, err)
		}
	})
}

func TestNothingOfAPersonIsOnTheWire(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
	var mu sync.Mutex
	var seen bytes.Buffer
	listen(t, m.URL, "#", func(topic string, payload []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen.WriteString(topic)
		seen.Write(payload)
	})
	d := startDesk(t, dir, uplink.Options{Broker: m.URL})
	d.accept(20)
	d.delivered(20)
	mu.Lock()
	defer mu.Unlock()
	if seen.Len() == 0 {
		t.Fatal("nothing was seen on the wire")
	}
	for _, secret := range []string{"099099000017", "Nguyễn", "Nguy\\u1ec5n", "MDk5MDk5MDAwMDE3", "303939303939303030303137"} {
		if bytes.Contains(seen.Bytes(), []byte(secret)) {
			t.Errorf("%q is on the wire", secret)
		}
	}
}

// listen subscribes a client of its own to a filter.
func listen(t testing.TB, url, filter string, each func(topic string, payload []byte)) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID("listener").SetAutoReconnect(false))
	if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("listener: %v", token.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	token := c.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { each(m.Topic(), m.Payload()) })
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("listener: %v", token.Error())
	}
	return c
}

func TestABrokerThatVanishesLosesNothing(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	hubtest.StartHub(t, dir, quiet(hub.Options{MQTT: m.URL}))
	d := startDesk(t, dir, uplink.Options{Broker: m.URL})
	n := uint64(0)
	for range 3 {
		d.accept(100)
		m.Kill()
		d.accept(50)
		d.state(uplink.Offline)
		m.Restart()
		n += 150
	}
	d.delivered(n)
	whole(t, dir, n)
}

func TestWithoutAHubRecordsStayAndAreDeliveredWhenItReturns(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	h := hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
	d := startDesk(t, dir, uplink.Options{Broker: m.URL})
	d.accept(10)
	d.delivered(10)
	h.Stop()
	d.state(uplink.HubDown)
	d.accept(30)
	st, err := d.store.Stat()
	if err != nil || st.Accepted != 40 || st.Sent != 10 {
		t.Errorf("without a hub: %+v, %v; want 40 accepted, 10 sent", st, err)
	}
	hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
	d.delivered(40)
	d.state(uplink.Connected)
	whole(t, dir, 40)
}

func TestAHubThatDiesBetweenCommitAndAckCountsDuplicatesAndStoresOnce(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	committed, dead := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h := hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL, Committed: func(int) {
		once.Do(func() { close(committed) })
		<-dead
	}})
	d := startDesk(t, dir, uplink.Options{Broker: m.URL})
	d.accept(1)
	<-committed
	stopped := make(chan struct{})
	go func() { h.Stop(); close(stopped) }()
	d.state(uplink.HubDown) // the hub has left the broker, its acknowledgement with it
	close(dead)
	<-stopped
	if st, err := d.store.Stat(); err != nil || st.Delivered != 0 {
		t.Fatalf("Stat = %+v, %v; nothing may be delivered yet", st, err)
	}
	// The device's own announcement would bring the answer; without it the
	// record comes again.
	hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
	d.delivered(1)
	d.accept(5)
	d.delivered(6)
	whole(t, dir, 6)
}

func TestAnUnknownDeviceIsDeliveredOnceItsKeyIsThere(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, quiet(hub.Options{}))
	key := hubtest.Key(t)
	d := startDesk(t, dir, uplink.Options{
		Broker: "tcp://" + h.Addr, Store: openStore(t, hubtest.Sealer(t, dir, key).Seal), RejectedAfter: 20 * time.Millisecond,
	})
	d.accept(3)
	hubtest.Until(t, "the hub refuses the records", func() bool { return hubtest.Report(t, dir, device).Rejected > 0 })
	if st, err := d.store.Stat(); err != nil || st.Delivered != 0 {
		t.Errorf("Stat = %+v, %v; a refused record may not be delivered", st, err)
	}
	public, err := key.Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.NewDevices(dir).Add(device, public); err != nil {
		t.Fatal(err)
	}
	d.delivered(3)
	whole(t, dir, 3)
}

func TestTwoDevicesUnderOneNameAreNoticed(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	hubtest.StartHub(t, dir, hub.Options{MQTT: m.URL})
	a := startDesk(t, dir, uplink.Options{Broker: m.URL})
	a.state(uplink.Connected)
	b := startDesk(t, t.TempDir(), uplink.Options{Broker: m.URL})
	hubtest.Until(t, "one of them says that its name is taken", func() bool {
		return a.uplink.State() == uplink.DuplicateIdentity || b.uplink.State() == uplink.DuplicateIdentity
	})
}

func TestABrokerThatRestartsOftenIsNoDuplicate(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	hubtest.StartHub(t, dir, quiet(hub.Options{MQTT: m.URL}))
	d := startDesk(t, dir, uplink.Options{Broker: m.URL})
	for range 4 {
		d.state(uplink.Connected)
		m.Kill()
		hubtest.Until(t, "the uplink notices", func() bool {
			s := d.uplink.State()
			if s == uplink.DuplicateIdentity {
				t.Fatal("a restarted broker is taken for a duplicate identity")
			}
			return s == uplink.Offline
		})
		m.Restart()
	}
}

func TestABrokerThatIsNotThereIsWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := startDesk(t, dir, uplink.Options{Broker: "tcp://" + addr})
	d.accept(3)
	d.state(uplink.Offline)
	hubtest.StartHub(t, dir, hub.Options{Listen: addr})
	d.delivered(3)
}

func TestAPeerThatIsNoBrokerDoesNotHangTheUplink(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var peers sync.WaitGroup
	accepted := make(chan struct{}, 100)
	peers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			defer c.Close() // says nothing, ever
		}
	})
	d := startDesk(t, t.TempDir(), uplink.Options{Broker: l.Addr().String(), Timeout: 50 * time.Millisecond})
	<-accepted
	<-accepted // it gave the first connection up
	d.stop()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	peers.Wait()
}

func TestBrokerAddressesThatAreNoneAreRefused(t *testing.T) {
	store := openStore(t, func(b []byte) ([]byte, error) { return b, nil })
	for _, broker := range []string{"http://x:1", "tcp://", "tcp://:1883", "tcp://[::1", "://"} {
		_, err := uplink.New(uplink.Options{Broker: broker, Site: site, Device: device, Store: store})
		if !errors.Is(err, uplink.ErrBroker) {
			t.Errorf("New(%q): %v, want ErrBroker", broker, err)
		}
	}
	if _, err := uplink.New(uplink.Options{Site: "a/b", Device: device, Store: store}); !errors.Is(err, wire.ErrName) {
		t.Errorf("a site with a slash: %v, want ErrName", err)
	}
}
