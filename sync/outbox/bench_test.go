package outbox

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
)

// callers is how many goroutines hand in records in the benchmarks.
const callers = 300

// identity is a record of the size of a real identity record.
func identity(n int) Draft {
	d := draft(n)
	d.Data = map[string]any{
		"profile": "one-stop", "assurance": "chip-trusted",
		"person": map[string]string{
			"idCode": fmt.Sprintf("0990990%05d", n%100000), "personName": "Nguyễn Văn Thử " + fmt.Sprint(n*7919%1000),
			"dateOfBirth": "1999-09-09", "gender": "Nam", "nationality": "Việt Nam", "issueDate": "2021-09-09", "expiryDate": "2039-09-09",
			"residencePlace": fmt.Sprintf("Số %d Đường Thử Nghiệm, Phường Mẫu, Quận Ví Dụ, Hà Nội", n%997),
		},
		"verification": map[string]string{"hashes": "ok", "sodSignature": "ok", "chain": "trusted", "chipAuthentication": "not_done"},
	}
	return d
}

// BenchmarkAccept hands in identity records from many callers: numbered,
// signed, encrypted and on disk.
func BenchmarkAccept(b *testing.B) {
	s, _, _ := fresh(b)
	b.ResetTimer()
	spread(b, func(i int) error {
		_, err := s.Accept(context.Background(), identity(i))
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
	b.ReportMetric(float64(b.N)/float64(len(entries)), "records/envelope")
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

// BenchmarkBoltGroupCommit is what bbolt can do with the same bytes and groups
// of 100: nothing numbered, nothing sealed, no caller to wake.
func BenchmarkBoltGroupCommit(b *testing.B) {
	for _, size := range []int{275, 1024} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			db, err := boltfile.Open(filepath.Join(b.TempDir(), "plain.db"), boltfile.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			value := make([]byte, size)
			b.ResetTimer()
			for n := 0; n < b.N; {
				err := db.Update(func(tx *bolt.Tx) error {
					rows, err := tx.CreateBucketIfNotExists([]byte("rows"))
					if err != nil {
						return err
					}
					rows.FillPercent = 0.95
					for range min(100, b.N-n) {
						if err := rows.Put(key(uint64(n)), value); err != nil {
							return err
						}
						n++
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkAcceptPaced hands in 100 records a second, as a busy gate does, and
// reports how long one Accept takes.
func BenchmarkAcceptPaced(b *testing.B) {
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
	st, err := s.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(st.Bytes)/float64(b.N), "sealed-B/record")
}
