package uplink_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/agent/visit"
	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/uplink"
)

// BenchmarkDrain sends a queue of identity records through a Mosquitto until
// all are acknowledged: to a peer that only acknowledges, and to the reference
// hub, which verifies, opens and stores each.
func BenchmarkDrain(b *testing.B) {
	b.Run("peer", func(b *testing.B) {
		m := hubtest.StartMosquitto(b)
		k := makeKeys(b)
		p := startPeer(b, m.URL, k.hub)
		drain(b, k.options(b, m.URL), 200)
		b.ReportMetric(float64(p.bytes)/float64(b.N), "wire-B/record")
	})
	b.Run("hub", func(b *testing.B) {
		dir := b.TempDir()
		m := hubtest.StartMosquitto(b)
		hubtest.StartHub(b, dir, hub.Options{MQTT: m.URL})
		drain(b, uplink.Options{Broker: m.URL, Store: openStore(b, hubtest.Device(b, dir, device).Seal)}, 200)
	})
}

// drain fills the queue from several callers and measures how long it takes to
// empty it.
func drain(b *testing.B, o uplink.Options, callers int) {
	b.Helper()
	store := o.Store.(*outbox.Store)
	fill(b, store, b.N, callers)
	u, err := uplink.New(quick(o))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	changed, stop := store.Changed()
	defer stop()
	b.ResetTimer()
	running.Go(func() { _ = u.Run(ctx) })
	for {
		<-changed
		if st, err := store.Stat(); err != nil || st.Pending == 0 {
			break
		}
	}
	b.StopTimer()
	cancel()
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// fill accepts n identity records that differ as those of people do.
func fill(b testing.TB, s *outbox.Store, n, callers int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, callers) {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := s.Accept(context.Background(), outbox.Draft{Type: "vn.tram.visit.registered.v1", Data: identity(int(i))}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// identity is what a counter records of a person: invented, and as different
// from one to the next as people are.
func identity(i int) any {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	pick := func(words string) string { w := strings.Fields(words); return w[r.IntN(len(w))] }
	var id [10]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	now := time.Date(2026, 9, 21, 7, 13, 20, r.IntN(1000)*1e6, time.UTC).Add(time.Duration(i) * 41 * time.Second)
	return visit.Record{
		Profile: "clinic", Source: "chip", Assurance: "chip-trusted", Started: now.Add(-40 * time.Second),
		Person: map[string]string{
			"idCode":      fmt.Sprintf("09%d%d%02d%06d", 7+r.IntN(3), r.IntN(4), r.IntN(99), r.IntN(1e6)),
			"personName":  pick("Nguyễn Trần Lê Phạm Hoàng Vũ") + " " + pick("Văn Thị Hữu Minh Ngọc") + " " + pick("Thử Mẫu Hương Dũng Khánh Thảo"),
			"dateOfBirth": fmt.Sprintf("%d-%02d-%02d", 1940+r.IntN(70), 1+r.IntN(12), 1+r.IntN(28)), "gender": pick("Nam Nữ"),
			"residencePlace": fmt.Sprintf("Số %d Đường %s Thử, Phường Mẫu %d, Quận Ví Dụ, Hà Nội", 1+r.IntN(900), pick("Trần Lê Hoàng Phan"), r.IntN(30)),
		},
		Verification: &visit.Verification{Hashes: "ok", SODSignature: "ok", Chain: "trusted", ChipAuthentication: "ok", ActiveAuthentication: "not_supported"},
		Consent:      visit.Consent{ID: hex.EncodeToString(id[:]), Basis: "consent", Time: now.Add(-30 * time.Second)},
	}
}

func TestARecordTakesLittleOnTheWireAloneOrInAGroup(t *testing.T) {
	for name, callers := range map[string]int{"accepted one by one": 1, "accepted together": 200} {
		m := hubtest.StartMosquitto(t)
		k := makeKeys(t)
		p := startPeer(t, m.URL, k.hub)
		o := k.options(t, m.URL)
		const n = 400
		fill(t, o.Store.(*outbox.Store), n, callers)
		d := startDesk(t, t.TempDir(), o)
		hubtest.Until(t, "the records are delivered", func() bool { st, err := d.store.Stat(); return err != nil || st.Pending == 0 })
		d.stop()
		p.mu.Lock()
		each := p.bytes / n
		t.Logf("%s: %d bytes a record in %d envelopes, topics and headers in", name, each, len(p.order))
		if each > 400 {
			t.Errorf("%s: %d bytes a record on the wire, want at most 400", name, each)
		}
		p.mu.Unlock()
	}
}

// BenchmarkPahoPublish publishes as many plain messages, one a record, QoS 1,
// to the same make of broker: nothing sealed, stored or acknowledged by a hub.
func BenchmarkPahoPublish(b *testing.B) {
	m := hubtest.StartMosquitto(b)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(m.URL).SetClientID("plain").SetAutoReconnect(false))
	if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		b.Fatal(token.Error())
	}
	defer c.Disconnect(100)
	payload := bytes.Repeat([]byte("x"), 700)
	b.ResetTimer()
	const window = 1000
	var flying []mqtt.Token
	for range b.N {
		flying = append(flying, c.Publish("plain/records", 1, false, payload))
		if len(flying) == window {
			<-flying[0].Done()
			flying = flying[1:]
		}
	}
	for _, token := range flying {
		<-token.Done()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
