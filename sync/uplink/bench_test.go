package uplink_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/uplink"
)

// BenchmarkDrain sends a queue of identity records through a Mosquitto to a
// hub that verifies, stores and acknowledges each, until the outbox is empty.
func BenchmarkDrain(b *testing.B) {
	dir := b.TempDir()
	m := hubtest.StartMosquitto(b)
	hubtest.StartHub(b, dir, hub.Options{MQTT: m.URL})
	store := openStore(b, hubtest.Device(b, dir, device).Seal)
	fill(b, store, b.N)
	var wire atomic.Int64
	listen(b, m.URL, "tram/v1/+/+/records", func(topic string, payload []byte) { wire.Add(int64(len(topic) + len(payload) + 6)) })
	u, err := uplink.New(quick(uplink.Options{Broker: m.URL, Store: store}))
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
		if st, err := store.Stat(); err != nil || st.Delivered == uint64(b.N) {
			break
		}
	}
	b.StopTimer()
	cancel()
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(wire.Load())/float64(b.N), "wire-B/record")
}

// fill accepts n identity records that differ as those of people do.
func fill(b *testing.B, s *outbox.Store, n int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, 200) {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				_, err := s.Accept(context.Background(), outbox.Draft{Type: "vn.tram.identity.verified.v1", Data: map[string]any{
					"profile": "one-stop", "assurance": "chip-trusted", "person": map[string]string{
						"idCode": fmt.Sprintf("0990990%05d", i*7919%100000), "personName": fmt.Sprintf("Nguyễn Văn Thử %x", i*104729),
						"dateOfBirth": fmt.Sprintf("19%02d-%02d-%02d", 50+i%50, 1+i%12, 1+i%28), "gender": "Nam", "nationality": "Việt Nam",
						"issueDate": "2021-09-09", "expiryDate": "2039-09-09",
						"residencePlace": fmt.Sprintf("Số %d Đường Thử Nghiệm %x, Phường Mẫu %d, Quận Ví Dụ, Hà Nội", i%997, i*15485863, i%31),
					},
					"verification": map[string]string{"hashes": "ok", "sodSignature": "ok", "chain": "trusted", "chipAuthentication": "not_done"},
				}})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
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
