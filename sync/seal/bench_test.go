package seal

import (
	"bytes"
	"fmt"
	"testing"
)

// template is an identity record as the dictionary has it: the best case for
// compression, so that bytes are measured in sync/uplink and only time here.
var template = dictionary2[bytes.LastIndex(dictionary2, []byte(`[{"spec`))+1 : len(dictionary2)-1]

func batchOf(n int) []byte {
	return append(append([]byte("["), bytes.Repeat(append(bytes.Clone(template), ','), n-1)...), append(bytes.Clone(template), ']')...)
}

func BenchmarkSeal(b *testing.B) {
	p := newPair(b)
	for _, n := range []int{1, 100} {
		plain := batchOf(n)
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.sealer.Seal(plain); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	p := newPair(b)
	for _, n := range []int{1, 100} {
		sealed, err := p.sealer.Seal(batchOf(n))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.opener.Open("desk-1", sealed); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
