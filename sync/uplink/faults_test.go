package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

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
		p := &hubtest.Passage{
			Device: device, Broker: broker,
			Batch: func() string {
				kind := w.fault(hubtest.Forget, hubtest.Duplicate, hubtest.Reorder, hubtest.Delay, hubtest.Drop, "partition")
				if kind == "partition" {
					return hubtest.Drop
				}
				return kind
			},
			Ack: func() string { return w.fault(hubtest.Forget, hubtest.Duplicate, hubtest.Reorder, hubtest.Delay) },
		}
		w.mu.Lock()
		w.conns[device], w.conns[broker] = struct{}{}, struct{}{}
		w.mu.Unlock()
		w.running.Go(p.Run)
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
