package vision

import (
	"context"
	"fmt"
	"time"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
)

// StillQuestion asks how a camera is, and for a picture of it.
type StillQuestion struct {
	Source string   `json:"source"`       // as drivers/camera opens it
	Ask    spec.Ask `json:"ask,omitzero"` // of a device: size, rate and format
	MS     int      `json:"ms,omitempty"` // how long to look, at most 10,000; 0 is 600
}

// StillAnswer is how a camera is.
type StillAnswer struct {
	Report condition.Report `json:"report"`
}

// stillTime is longer than opening a camera and looking may take.
const stillTime = 25 * time.Second

// Still opens a camera for a moment, in a process of its own, and returns how its
// pictures are and the last of them as a JPEG, which is kept nowhere else. It
// returns ErrNoCamera when there are none.
func (w *Worker) Still(ctx context.Context, q StillQuestion) (StillAnswer, []byte, error) {
	var a StillAnswer
	ctx, cancel := context.WithTimeout(ctx, stillTime)
	defer cancel()
	q.Source = absolute(q.Source)
	p, err := startProcess(w.o)
	if err != nil {
		return a, nil, err
	}
	defer p.quit(stopGrace)
	m, _, err := p.ask(ctx, request{kind: KindStill, body: q, silence: stillTime})
	if err != nil {
		return a, nil, err
	}
	if err := decode(m, &a); err != nil {
		return a, nil, err
	}
	if len(m.Blobs) != 1 {
		return a, nil, fmt.Errorf("%w: a still in %d blobs", ErrProtocol, len(m.Blobs))
	}
	return a, m.Blobs[0], nil
}
