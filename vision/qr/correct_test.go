package qr

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
)

// redundant appends check codewords as another implementation computes them.
func redundant(t testing.TB, data []byte, check int) []byte {
	t.Helper()
	word := make([]int, len(data)+check)
	for i, b := range data {
		word[i] = int(b)
	}
	if err := reedsolomon.NewReedSolomonEncoder(reedsolomon.GenericGF_QR_CODE_FIELD_256).Encode(word, check); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(word))
	for i, v := range word {
		out[i] = byte(v)
	}
	return out
}

func TestErrorsAndWhatIsLostAreRepairedUpToTheLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3)) //nolint:gosec // a test
	for range 400 {
		check := 2 + r.IntN(mostCheck-1)
		data := make([]byte, 1+r.IntN(150))
		for i := range data {
			data[i] = byte(r.IntN(256))
		}
		want := redundant(t, data, check)
		lost := r.IntN(min(check, len(want)) + 1)
		errors := r.IntN(min((check-lost)/2, len(want)-lost) + 1)
		places := r.Perm(len(want))[:lost+errors]
		word := bytes.Clone(want)
		for _, at := range places {
			word[at] ^= byte(1 + r.IntN(255))
		}
		n, ok := correct(word, check, places[:lost])
		if !ok || !bytes.Equal(word, want) || n != errors {
			t.Fatalf("%d of %d redundant, %d lost, %d errors: repaired %v with %d errors", check, len(want), lost, errors, ok, n)
		}
	}
}

// What cannot be repaired is refused, or is so unlikely to be accepted that its trust says so.
func TestWordsOfAnythingAreNotTrusted(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5)) //nolint:gosec // a test
	taken := 0
	for range 3000 {
		check := 7 + r.IntN(mostCheck-6)
		b := block{word: make([]byte, check+1+r.IntN(120)), check: check}
		b.doubt = make([]float64, len(b.word))
		for i := range b.word {
			b.word[i], b.doubt[i] = byte(r.IntN(256)), r.Float64()
		}
		if b.correct() {
			taken++
		}
	}
	if taken > 0 {
		t.Errorf("%d of 3000 random words were taken for repaired ones", taken)
	}
}

func TestCodewordsThatAreDoubtfulAreLeftOutWhereErrorsAreTooMany(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7)) //nolint:gosec // a test
	want := redundant(t, []byte("099099000017||Nguyễn Văn Thử|01011999|Nam|Số 1, Phường Thử|01012022"), 24)
	b := block{word: slices.Clone(want), doubt: make([]float64, len(want)), check: 24}
	for i, at := range r.Perm(len(want))[:15] { // three more than can be repaired
		b.word[at] ^= 0x55
		if i < 10 {
			b.doubt[at] = 3
		}
	}
	if !b.correct() || !bytes.Equal(b.word, want) {
		t.Error("15 errors, 10 of them doubtful: not repaired")
	}
}

func FuzzCorrect(f *testing.F) {
	f.Add([]byte("any word at all, with its redundancy"), byte(10), byte(3))
	f.Fuzz(func(t *testing.T, word []byte, check, lost byte) {
		n := int(check) % (mostCheck + 1)
		if len(word) == 0 || len(word) > 255 || n > len(word) || int(lost) > n {
			return
		}
		places := make([]int, lost)
		for i := range places {
			places[i] = i
		}
		if _, ok := correct(word, n, places); !ok {
			return
		}
		if _, clean := syndromes(word, n); !clean {
			t.Error("said to be repaired, and is not")
		}
	})
}
