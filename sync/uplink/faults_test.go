package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/uplink"
)

// wicked stands between a device and its broker, knows MQTT, and does wrong to
// batches and acknowledgements until it is told to be honest.
type wicked struct {
	listener net.Listener
	broker   string
	running  sync.WaitGroup

	mu     sync.Mutex
	rand   *rand.Rand
	faults map[string]int
	honest bool
	refuse int // connections yet to be refused
	conns  map[net.Conn]struct{}
}

func startWicked(t *testing.T, broker string, seed uint64) *wicked {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wicked{listener: l, broker: broker, rand: rand.New(rand.NewPCG(seed, 2)), faults: map[string]int{}, conns: map[net.Conn]struct{}{}}
	w.running.Go(w.accept)
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *wicked) accept() {
	for {
		device, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		refused := w.refuse > 0
		if refused {
			w.refuse--
		}
		w.mu.Unlock()
		broker, err := net.Dial("tcp", w.broker)
		if refused || err != nil {
			_ = device.Close()
			if err == nil {
				_ = broker.Close()
			}
			continue
		}
		p := &passage{w: w, device: device, broker: broker}
		w.mu.Lock()
		w.conns[device], w.conns[broker] = struct{}{}, struct{}{}
		w.mu.Unlock()
		w.running.Go(func() { p.carry(device, broker, true) })
		w.running.Go(func() { p.carry(broker, device, false) })
	}
}

// fault picks what to do with a packet, and counts it.
func (w *wicked) fault(kinds ...string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.honest || w.rand.IntN(3) != 0 {
		return ""
	}
	kind := kinds[w.rand.IntN(len(kinds))]
	w.faults[kind]++
	if kind == "partition" {
		w.refuse = 1 + w.rand.IntN(4)
	}
	return kind
}

// behave ends the faults and returns how many there were.
func (w *wicked) behave() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.honest, w.refuse = true, 0
	for _, k := range w.faults {
		n += k
	}
	return n
}

// passage is one connection through the proxy.
type passage struct {
	w              *wicked
	device, broker net.Conn
	writing        [2]sync.Mutex // to the broker, to the device
}

func (p *passage) write(toBroker bool, b packets.ControlPacket) error {
	to, mu := p.device, &p.writing[1]
	if toBroker {
		to, mu = p.broker, &p.writing[0]
	}
	mu.Lock()
	defer mu.Unlock()
	return b.Write(to)
}

// carry passes packets on until either side closes.
func (p *passage) carry(from, to net.Conn, up bool) {
	defer from.Close()
	defer to.Close()
	var held packets.ControlPacket
	for {
		b, err := packets.ReadPacket(from)
		if err != nil {
			return
		}
		publish, ok := b.(*packets.PublishPacket)
		var kind string
		switch {
		case ok && up && strings.HasSuffix(publish.TopicName, "/records"):
			kind = p.w.fault("forget", "duplicate", "reorder", "delay", "cut", "partition")
		case ok && !up && strings.HasSuffix(publish.TopicName, "/ack"):
			kind = p.w.fault("forget", "duplicate", "reorder", "delay")
		}
		var out []packets.ControlPacket
		switch kind {
		case "forget": // says that it has it
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = publish.MessageID
			if p.write(!up, ack) != nil {
				return
			}
		case "duplicate":
			out = append(out, b, b)
		case "reorder": // after the next one
			if held == nil {
				held = b
				continue
			}
			out = append(out, b)
		case "cut", "partition":
			return
		case "delay":
			time.Sleep(3 * time.Millisecond)
			out = append(out, b)
		default:
			out = append(out, b)
		}
		if held != nil && ok {
			out = append(out, held)
			held = nil
		}
		for _, b := range out {
			if err := p.write(up, b); err != nil {
				return
			}
		}
	}
}

// TestCampaignBrokerThatDropsDelaysDuplicatesAndReordersLosesNothing is short in every run of the tests, long with
// TRAM_CAMPAIGN=long.
func TestCampaignBrokerThatDropsDelaysDuplicatesAndReordersLosesNothing(t *testing.T) {
	seeds := uint64(3)
	if os.Getenv("TRAM_CAMPAIGN") == "long" {
		seeds = 200
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			m := hubtest.StartMosquitto(t)
			hubtest.StartHub(t, dir, quiet(hub.Options{MQTT: m.URL}))
			w := startWicked(t, m.Addr, seed)
			d := startDesk(t, dir, uplink.Options{
				Broker: "tcp://" + w.listener.Addr().String(), AckTimeout: 30 * time.Millisecond, Timeout: 2 * time.Second, BatchRecords: 5,
			})
			n := uint64(0)
			hubtest.Until(t, "faults enough", func() bool {
				d.accept(10)
				n += 10
				w.mu.Lock()
				defer w.mu.Unlock()
				return n >= 300 && len(w.faults) == 6 || n >= 900
			})
			faults := w.behave()
			d.delivered(n)
			whole(t, dir, n)
			w.mu.Lock()
			defer w.mu.Unlock()
			t.Logf("%d records, %d faults: %v", n, faults, w.faults)
			if faults == 0 {
				t.Error("nothing went wrong")
			}
		})
	}
}
