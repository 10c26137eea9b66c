package emrtd_test

import (
	"context"
	"encoding/hex"
	"errors"
	"runtime"
	"testing"
	"time"

	"tram/drivers/emrtd"
)

// mute answers nothing until the caller gives up.
type mute struct{}

func (mute) Transmit(ctx context.Context, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAReadNeverRunsLongerThanItsLimit(t *testing.T) {
	_, err := emrtd.Read(t.Context(), mute{}, can(t, "000017"), emrtd.Options{Timeout: 20 * time.Millisecond})
	if !errors.Is(err, emrtd.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a card that is mute: got %v, want ErrTimeout and no context's error", err)
	}
	c := newChip()
	c.onCommand = func(n int) {
		if n > 10 {
			<-c.stop
		}
	}
	c.stop = make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() { close(c.stop) })
	if _, err := emrtd.Read(t.Context(), c, can(t, "000017"), emrtd.Options{Timeout: 20 * time.Millisecond}); !errors.Is(err, emrtd.ErrTimeout) {
		t.Errorf("a card that becomes slow: got %v, want ErrTimeout", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := emrtd.Read(ctx, mute{}, can(t, "000017"), emrtd.Options{}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, emrtd.ErrTimeout) {
		t.Errorf("the caller's own limit: got %v, want DeadlineExceeded", err)
	}
}

func TestAReadIsCancelledAtAnyMoment(t *testing.T) {
	atr, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	for n := 1; ; n++ {
		c := newChip()
		c.atr = atr
		ctx, cancel := context.WithCancel(t.Context())
		c.onCommand = func(at int) {
			if at == n {
				cancel()
			}
		}
		doc, err := emrtd.Read(ctx, c, can(t, "000017"), emrtd.Options{})
		cancel()
		switch {
		case c.commands < n:
			if err != nil {
				t.Fatalf("not cancelled: %v", err)
			}
			return
		case c.commands > n:
			t.Fatalf("cancelled at command %d: %d were sent", n, c.commands)
		case err == nil && n < 14 || err != nil && (!errors.Is(err, context.Canceled) || doc != nil):
			t.Fatalf("cancelled at command %d: got %v", n, err)
		}
	}
}

// A length is a claim: nothing is allocated for what a card only says that it has.
func TestAHostileFileCostsLessThanFourMebibytes(t *testing.T) {
	for name, file := range map[string][]byte{
		"claims 4 GB":        {0x75, 0x84, 0xFF, 0xFF, 0xFF, 0xFF},
		"claims 2 GB":        {0x75, 0x84, 0x7F, 0xFF, 0xFF, 0xFF},
		"claims the most":    {0x75, 0x83, 0x2F, 0xFF, 0xF0},
		"claims 1 MiB":       {0x75, 0x83, 0x0F, 0xFF, 0xF0},
		"claims five bytes":  {0x75, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00},
		"claims nothing":     {0x75, 0x80},
		"is one endless tag": {0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
	} {
		c := newChip()
		c.files = map[emrtd.FileID][]byte{emrtd.DG2: append(file, make([]byte, 40)...)}
		opt := emrtd.Options{Want: []emrtd.FileID{emrtd.DG2}, MaxFile: 4 << 20}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := emrtd.Read(t.Context(), c, can(t, "000017"), opt)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%s: %d bytes were allocated; %v", name, got, err)
		}
	}
}
