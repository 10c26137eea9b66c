package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"tram/drivers"
)

// ErrNoPicture is returned while the camera of the gate gives none.
var ErrNoPicture = errors.New("the gate's camera gives no picture now")

// pictureTime is how long a picture is waited for.
const pictureTime = 3 * time.Second

// Picture returns the frame in hand as a JPEG, too coarse for faces, with lines,
// zones and people drawn into it. It is made because it was asked for and is kept
// nowhere. It returns ErrNoPicture when none comes in time.
func (g *Gate) Picture(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	got := make(chan []byte, 1)
	g.mu.Lock()
	if g.status.State == drivers.Missing || g.over {
		g.mu.Unlock()
		return nil, ErrNoPicture
	}
	g.waiting = append(g.waiting, got)
	g.mu.Unlock()
	select {
	case g.look <- struct{}{}:
	default: // asked for already: one picture serves all who wait
	}
	select {
	case jpeg := <-got:
		return jpeg, nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting = slices.DeleteFunc(g.waiting, func(c chan []byte) bool { return c == got })
		return nil, ErrNoPicture
	}
}

// show gives a picture to all who wait for one.
func (g *Gate) show(jpeg []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.waiting {
		c <- jpeg // has room for it
	}
	g.waiting = nil
}
