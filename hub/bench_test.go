package hub_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/hub/store"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHub measures what a hub does with records between broker and
// acknowledgement: opening, checking, one commit for 64 envelopes of 20
// records, on both stores. records/s/core is by processor time of this process;
// PostgreSQL's own is not in it.
func BenchmarkHub(b *testing.B) {
	b.Run("bbolt", func(b *testing.B) {
		s, err := store.Open(filepath.Join(b.TempDir(), "hub.db"))
		if err != nil {
			b.Fatal(err)
		}
		benchmarkStore(b, s)
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		s, err := store.OpenPostgres(context.Background(), hubtest.StartPostgres(b).Database())
		if err != nil {
			b.Fatal(err)
		}
		benchmarkStore(b, s)
	})
}

func benchmarkStore(b *testing.B, s store.Store) {
	defer s.Close()
	const envelopes, records = 64, 20
	dir := b.TempDir()
	sealer := hubtest.Device(b, dir, "desk-1")
	keys, err := hub.LoadKeys(dir)
	if err != nil {
		b.Fatal(err)
	}
	opener := keys.Opener(hub.NewDevices(dir).Key)
	next, prev := uint64(1), wire.Hash{}
	var busy, used time.Duration
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		items := make([]store.Item, envelopes)
		for i := range items {
			e := envelope(b, sealer, "desk-1", next, next+records-1, prev, "vn.tram.identity.verified.v1", map[string]string{
				"idCode": "099099000017", "personName": "Nguyễn Văn Thử", "assurance": "genuine"})
			items[i] = store.Item{Device: "desk-1", Site: "ward-7", Sealed: e.Sealed, First: e.First, Last: e.Last}
			next += records
			prev = hubtest.Hash(e.Sealed)
		}
		b.StartTimer()
		begin, before := time.Now(), cpu()
		if _, err := s.Known(context.Background(), items); err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		for c := range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := c; i < len(items); i += runtime.GOMAXPROCS(0) {
					plain, err := opener.Open("desk-1", items[i].Sealed)
					if err == nil {
						items[i].Events, err = wire.ParseEvents(plain)
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		out, err := s.Put(context.Background(), store.Arrivals{Items: items}, time.Now())
		if err != nil || out.Results[0] != store.Stored {
			b.Fatal(out.Results, err)
		}
		busy, used = busy+time.Since(begin), used+cpu()-before
	}
	n := float64(b.N * envelopes * records)
	b.ReportMetric(n/busy.Seconds(), "records/s")
	b.ReportMetric(n/used.Seconds(), "records/s/core")
}

// BenchmarkFleet lets a thousand devices (TRAM_FLEET), each a real outbox and a
// real uplink, deliver to one hub through one Mosquitto, all in this process
// but the broker; the outboxes in memory, the hub's store on the disk. One round is 10 records a device.
func BenchmarkFleet(b *testing.B) {
	n := 1000
	if v, err := strconv.Atoi(os.Getenv("TRAM_FLEET")); err == nil && v > 0 {
		n = v
	}
	mosquitto := hubtest.StartMosquitto(b, "max_inflight_messages 64", "max_queued_messages 20000")
	dir := b.TempDir()
	hubtest.StartHub(b, dir, hub.Options{MQTT: mosquitto.URL})
	keys, err := hub.LoadKeys(dir)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	stores, work, devices := make([]*outbox.Store, n), memory(b), hub.NewDevices(dir)
	begin := time.Now()
	trusted, err := seal.ParseHubKeys(keys.Public())
	if err != nil {
		b.Fatal(err)
	}
	make1 := func(i int) error {
		name := fmt.Sprintf("desk-%d", i+1)
		key, err := seal.LoadOrCreateDeviceKey(filepath.Join(work, name+".jwk"))
		if err != nil {
			return err
		}
		public, err := key.Public().MarshalJSON()
		if err != nil {
			return err
		}
		if err := devices.Add(name, public); err != nil {
			return err
		}
		sealer, err := seal.NewSealer(key, trusted.Encryption())
		if err != nil {
			return err
		}
		stores[i], err = outbox.Open(filepath.Join(work, name+".db"), outbox.Options{Source: wire.Source(name), Seal: sealer.Seal})
		if err != nil {
			return err
		}
		u, err := uplink.New(uplink.Options{Broker: mosquitto.URL, Site: "ward-7", Device: name, Store: stores[i], BackoffMin: time.Second,
			About: wire.Status{Format: seal.Format},
			Open: func(kind string, payload []byte) ([]byte, bool, error) {
				return seal.OpenHubMessage(kind, name, payload, trusted, nil)
			}})
		if err != nil {
			return err
		}
		running.Go(func() { _ = u.Run(ctx) })
		return nil
	}
	var making sync.WaitGroup
	numbers := make(chan int)
	for range 32 {
		making.Go(func() {
			for i := range numbers {
				if err := make1(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range stores {
		numbers <- i
	}
	close(numbers)
	making.Wait()
	if b.Failed() {
		b.FailNow()
	}
	defer func() {
		cancel()
		running.Wait()
		for _, s := range stores {
			_ = s.Close()
		}
	}()
	fleetDelivered(b, stores)
	b.Logf("%d devices made and connected in %v", n, time.Since(begin).Round(time.Millisecond))
	before, draining := cpu(), time.Duration(0)
	rounds := 0
	for b.Loop() {
		rounds++
		var wg sync.WaitGroup
		for _, s := range stores {
			wg.Go(func() {
				for range 10 {
					if _, err := s.Accept(ctx, outbox.Draft{Type: "vn.tram.test.v1", Data: "x"}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		accepted := time.Now()
		fleetDelivered(b, stores)
		draining += time.Since(accepted)
	}
	b.ReportMetric(draining.Seconds()/float64(rounds), "s-to-drain")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
	b.ReportMetric(float64(rounds*10*n)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(rounds*10*n)/(cpu()-before).Seconds(), "records/s/core")
	report, err := hub.ReadReport(context.Background(), dir)
	if err != nil {
		b.Fatal(err)
	}
	gaps, records := 0, uint64(0)
	for _, r := range report.Devices {
		gaps += len(r.Missing)
		records += r.Records
	}
	b.Logf("%d devices, %d records in the store, %d gaps", len(report.Devices), records, gaps)
}

// memory returns a folder in memory where there is one: a thousand devices have
// a thousand disks, not this machine's one.
func memory(b *testing.B) string {
	dir, err := os.MkdirTemp("/dev/shm", "tram-fleet-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func fleetDelivered(b *testing.B, stores []*outbox.Store) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		waiting := 0
		for _, s := range stores {
			if st, err := s.Stat(); err != nil || st.Delivered != st.Accepted {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d devices have not delivered", waiting)
		}
	}
}
