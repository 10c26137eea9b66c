package vision

import (
	"context"
	"encoding/json"

	"tram/drivers/camera/spec"
)

// CodesQuestion asks for the QR codes that people hold before a camera.
type CodesQuestion struct {
	Source string  `json:"source"`           // as drivers/camera opens it
	Budget int     `json:"budget,omitempty"` // ms for one picture; 0 is 15
	Rate   float64 `json:"rate,omitempty"`   // pictures/s to look at, and of a folder; 0 is 10

	Ask spec.Ask `json:"ask,omitzero"` // of a device: size, rate and format
}

// CodesProgress is what was seen lately: at least one a second comes, so that a
// camera that gives nothing is told from one before which nobody stands.
type CodesProgress struct {
	Texts  []string `json:"texts,omitempty"`
	Frames int      `json:"frames"` // looked at so far
}

// CodesAnswer is the end of a source.
type CodesAnswer struct {
	Frames int `json:"frames"`
}

// WatchCodes looks for codes until the source ends or ctx does, in a process of
// its own. seen is told the texts of each picture that has some, and nothing
// about once a second otherwise.
func (w *Worker) WatchCodes(ctx context.Context, q CodesQuestion, seen func(CodesProgress)) (CodesAnswer, error) {
	var a CodesAnswer
	if err := ctx.Err(); err != nil {
		return a, err
	}
	q.Source = absolute(q.Source)
	p, err := startProcess(w.o)
	if err != nil {
		return a, err
	}
	defer p.quit(stopGrace)
	m, _, err := p.ask(ctx, request{kind: KindCodes, body: q, silence: w.o.Timeout, partial: true, progress: func(m Message) {
		var c CodesProgress
		if json.Unmarshal(m.Body, &c) == nil {
			seen(c)
		}
	}})
	if err != nil {
		return a, err
	}
	return a, decode(m, &a)
}
