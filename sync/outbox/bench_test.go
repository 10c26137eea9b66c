package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// callers is how many goroutines hand in records in the benchmarks.
const callers = 400

// person and visit have the size of a real identity record.
type person struct {
	IDCode         string `json:"idCode"`
	PersonName     string `json:"personName"`
	DateOfBirth    string `json:"dateOfBirth"`
	Gender         string `json:"gender"`
	Nationality    string `json:"nationality"`
	IssueDate      string `json:"issueDate"`
	ExpiryDate     string `json:"expiryDate"`
	ResidencePlace string `json:"residencePlace"`
}

type visit struct {
	Profile      string         `json:"profile"`
	Assurance    string         `json:"assurance"`
	Person       person         `json:"person"`
	Verification verificationOf `json:"verification"`
}

type verificationOf struct {
	Hashes             string `json:"hashes"`
	SODSignature       string `json:"sodSignature"`
	Chain              string `json:"chain"`
	ChipAuthentication string `json:"chipAuthentication"`
}

// identity is a record of the size of a real identity record.
func identity(n int) Draft {
	return Draft{Type: "vn.tram.identity.verified.v1", Time: time.Unix(1_790_000_000+int64(n), 0), Data: &visit{
		Profile: "one-stop", Assurance: "chip-trusted",
		Person: person{
			IDCode: fmt.Sprintf("0990990%05d", n%100000), PersonName: "Nguyễn Văn Thử " + fmt.Sprint(n*7919%1000),
			DateOfBirth: "1999-09-09", Gender: "Nam", Nationality: "Việt Nam", IssueDate: "2021-09-09", ExpiryDate: "2039-09-09",
			ResidencePlace: fmt.Sprintf("Số %d Đường Thử Nghiệm, Phường Mẫu, Quận Ví Dụ, Hà Nội", n%997),
		},
		Verification: verificationOf{Hashes: "ok", SODSignature: "ok", Chain: "trusted", ChipAuthentication: "not_done"},
	}}
}

// identities are records made before the clock runs.
func identities() []Draft {
	drafts := make([]Draft, 4096)
	for i := range drafts {
		drafts[i] = identity(i)
	}
	return drafts
}

// BenchmarkAccept hands in identity records from many callers: encoded,
// numbered, signed, encrypted and on disk. Beside it, in the same run:
// BenchmarkBoltGroupCommit.
func BenchmarkAccept(b *testing.B) {
	s, _, _ := fresh(b)
	drafts := identities()
	b.ReportAllocs()
	b.ResetTimer()
	spread(b, func(i int) error {
		_, err := s.Accept(context.Background(), drafts[i%len(drafts)])
		return err
	})
	b.StopTimer()
	st, err := s.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(st.Bytes)/float64(b.N), "sealed-B/record")
	entries, err := s.List(0, b.N)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(st.Accepted)/float64(len(entries)), "records/envelope")
}

// spread calls fn b.N times from the callers.
func spread(b *testing.B, fn func(i int) error) {
	var n atomic.Int64
	var wg sync.WaitGroup
	for range min(callers, b.N) {
		wg.Go(func() {
			for i := int(n.Add(1)); i <= b.N; i = int(n.Add(1)) {
				if err := fn(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// encoded returns a record as the outbox would write it down if it sealed
// nothing: the same bytes for the plain store.
func encoded(b *testing.B, d Draft) []byte {
	data, err := json.Marshal(d.Data)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_790_000_000, 0)
	out, err := wire.MarshalEvents([]wire.Event{{
		SpecVersion: "1.0", ID: newID(), Source: wire.Source(device), Type: d.Type, Time: d.Time, RecordedTime: now, Sequence: 1,
		BootID: "6f9d2c1e-7b1a-4f0e-9a57-2f6c0d3e8b11", Monotonic: 1, DataContentType: "application/json", Data: data,
	}})
	if err != nil {
		b.Fatal(err)
	}
	return out[1 : len(out)-1]
}

// BenchmarkBoltGroupCommit is what bbolt can do with the same settings and the
// same records: one writer that gathers up to 100, one Update, then the callers
// go on. Nothing is encoded, numbered, signed or encrypted.
//
//	records   the records' own JSON, one row each, the same callers
//	alone     the same without callers: one goroutine that puts and commits
//	sealed    as many bytes as the outbox writes for a hundred records, one row, without callers
func BenchmarkBoltGroupCommit(b *testing.B) {
	var rows [][]byte
	size := 0
	for _, d := range identities() {
		rows = append(rows, encoded(b, d))
		size += len(rows[len(rows)-1])
	}
	b.Run("records", func(b *testing.B) { boltCallers(b, rows) })
	b.Run("alone", func(b *testing.B) {
		boltAlone(b, 100, func(i int) []byte { return rows[i%len(rows)] })
		b.ReportMetric(float64(size)/float64(len(rows)), "B/record")
	})
	b.Run("sealed", func(b *testing.B) {
		s, _, _ := fresh(b)
		group := make([]request, 100)
		for i := range group {
			d := identity(i)
			r, err := s.prepare(&d)
			if err != nil {
				b.Fatal(err)
			}
			group[i] = r
		}
		sealed, err := s.sealRecords(&link{next: 1}, group)
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		boltAlone(b, 1, func(int) []byte { return sealed })
		b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// put is how a row is written in these benchmarks.
func put(db *bolt.DB, n *uint64, rows [][]byte) error {
	return db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("rows"))
		if err != nil {
			return err
		}
		bucket.FillPercent = 0.95
		for _, row := range rows {
			*n++
			if err := bucket.Put(key(*n), row); err != nil {
				return err
			}
		}
		return nil
	})
}

func plainFile(b *testing.B) *bolt.DB {
	db, err := boltfile.Open(filepath.Join(b.TempDir(), "plain.db"), boltfile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// boltAlone puts b.N rows, so many in each transaction.
func boltAlone(b *testing.B, each int, row func(i int) []byte) {
	db := plainFile(b)
	var n uint64
	b.ResetTimer()
	for i := 0; i < b.N; {
		var rows [][]byte
		for range min(each, b.N-i) {
			rows = append(rows, row(i))
			i++
		}
		if err := put(db, &n, rows); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// boltCallers has the outbox's callers and one writer, which waits for company
// as the outbox does.
func boltCallers(b *testing.B, rows [][]byte) {
	db := plainFile(b)
	type ask struct {
		row  []byte
		done chan error
	}
	asks := make(chan ask, 200)
	var writer sync.WaitGroup
	writer.Go(func() {
		var n uint64
		for first := range asks {
			group := []ask{first}
			linger := time.NewTimer(maxLinger)
			for more := true; more && len(group) < min(100, b.N); {
				select {
				case a, ok := <-asks:
					if more = ok; ok {
						group = append(group, a)
					}
				case <-linger.C:
					more = false
				}
			}
			linger.Stop()
			batch := make([][]byte, len(group))
			for i, a := range group {
				batch[i] = a.row
			}
			err := put(db, &n, batch)
			for _, a := range group {
				a.done <- err
			}
		}
	})
	b.ResetTimer()
	spread(b, func(i int) error {
		c := make(chan error, 1)
		asks <- ask{rows[i%len(rows)], c}
		return <-c
	})
	b.StopTimer()
	close(asks)
	writer.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkAcceptLatency hands in 100 records a second, as a busy gate does,
// and prints how long one Accept takes.
func BenchmarkAcceptLatency(b *testing.B) {
	s, _, _ := fresh(b)
	took := make([]time.Duration, b.N)
	clock := time.NewTicker(10 * time.Millisecond)
	defer clock.Stop()
	for i := range b.N {
		<-clock.C
		begin := time.Now()
		if _, err := s.Accept(context.Background(), identity(i)); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	for _, p := range []int{50, 90, 99, 100} {
		b.ReportMetric(float64(took[max(0, b.N*p/100-1)].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
	}
}

// BenchmarkOutage accepts a million records that nobody takes, then takes them
// all, and prints the speed of accepting and draining before and after, the
// memory, and the file.
func BenchmarkOutage(b *testing.B) {
	const before, outage = 100_000, 1_000_000
	for range b.N {
		s, _, path := fresh(b)
		drafts := identities()
		heap := func() float64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return float64(m.HeapInuse) / (1 << 20)
		}
		accept := func(n int) float64 {
			begin := time.Now()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(n); i = next.Add(1) {
						if _, err := s.Accept(context.Background(), drafts[int(i)%len(drafts)]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			return float64(n) / time.Since(begin).Seconds()
		}
		drain := func() float64 {
			begin, n, after := time.Now(), 0, uint64(0)
			for {
				records, err := s.Pending(after, 1000, 1<<20)
				if err != nil {
					b.Fatal(err)
				}
				if len(records) == 0 {
					return float64(n) / time.Since(begin).Seconds()
				}
				for i := range records {
					n += records[i].Len()
				}
				after = records[len(records)-1].Last
				if err := s.Acknowledge(wire.Ack{Highwater: after}); err != nil {
					b.Fatal(err)
				}
			}
		}
		accept(before) // warm
		drain()
		b.ReportMetric(accept(before), "accept-before/s")
		b.ReportMetric(drain(), "drain-before/s")
		b.ReportMetric(heap(), "heap-before-MiB")
		b.ReportMetric(accept(outage), "accept-outage/s")
		b.ReportMetric(heap(), "heap-full-MiB")
		full, err := fileSize(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(drain(), "drain-outage/s")
		eventually(b, "the file is given back", func() bool { size, err := fileSize(path); return err == nil && size < compactFrom })
		after, err := fileSize(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(accept(before), "accept-after/s")
		b.ReportMetric(drain(), "drain-after/s")
		b.ReportMetric(heap(), "heap-after-MiB")
		b.ReportMetric(float64(full)/(1<<20), "file-full-MiB")
		b.ReportMetric(float64(after)/(1<<20), "file-after-MiB")
	}
}
