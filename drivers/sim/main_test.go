package sim

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"tram/drivers/sim/vreader"
)

func TestMain(m *testing.M) {
	vreader.Child()
	if slot := os.Getenv("TRAM_SIM_BENCH_SLOT"); slot != "" {
		os.Exit(benchCard(slot))
	}
	goleak.VerifyTestMain(m)
}

// benchCard lays a card with a portrait of 20 KB on a slot until its input ends:
// in a process of its own, so that the benchmark's CPU time is the reader's alone.
func benchCard(slot string) int {
	var o []Option
	if rate, err := strconv.Atoi(os.Getenv("TRAM_SIM_BENCH_RATE")); err == nil && rate > 0 {
		o = append(o, SlowLink(rate, 0))
	}
	pki, err := NewPKI()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	card, err := NewCard(DefaultCitizen(), pki, benchPortrait(), o...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if err := Insert(ctx, slot, card); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// benchPortrait is a picture of 20 KB: noise below a quality that makes it so.
func benchPortrait() []byte {
	img := image.NewGray(image.Rect(0, 0, 240, 320))
	noise := uint32(1)
	for i := range img.Pix {
		noise = noise*1664525 + 1013904223
		img.Pix[i] = byte(noise >> 26)
	}
	var best []byte
	for q := 30; q < 90; q++ {
		var b bytes.Buffer
		if jpeg.Encode(&b, img, &jpeg.Options{Quality: q}) == nil && b.Len() <= 20_480 {
			best = b.Bytes()
		}
	}
	return append(best, make([]byte, 20_480-len(best))...) // padding behind the end of the picture
}
