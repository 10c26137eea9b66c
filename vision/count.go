package vision

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
	"tram/vision/people/trial"
)

// CountQuestion asks how many people cross lines and stay in zones.
type CountQuestion struct {
	Source   string      `json:"source"`             // camera, stream, video or folder of frames
	Line     [4]float64  `json:"line"`               // x1, y1, x2, y2 in pixels of the source; not looked at when Lines has any
	Lines    []CountLine `json:"lines,omitempty"`    // several lines
	Zones    []CountZone `json:"zones,omitempty"`    // may be all there is
	Detector string      `json:"detector,omitempty"` // "" or "default" needs no file; else nanodet, yolox, fastestdet
	Every    int         `json:"every,omitempty"`    // the detector looks at each so many-th frame; 0 is 1
	Video    string      `json:"video,omitempty"`    // draw what was seen into this file (.mp4 or .avi)
	Rate     float64     `json:"rate,omitempty"`     // frames/s at which a folder is played; 0 is as fast as asked
	Loop     bool        `json:"loop,omitempty"`     // begin a folder or a video again at its end
	Follow   bool        `json:"follow,omitempty"`   // wait for a live source that ends and open it again
	Frames   int         `json:"frames,omitempty"`   // stop after so many; 0 is until the end
	Ask      spec.Ask    `json:"ask,omitzero"`       // of a device: size, rate and format
	Boxes    bool        `json:"boxes,omitempty"`    // for measuring: progress after each frame, with what the detector found

	Variant *trial.Variant `json:"variant,omitempty"` // for measuring: count in a changed copy of a video or folder

	// Look asks for a picture of the frame in hand, on which no face can be
	// recognised, with what is seen drawn into it; Picture, which must not block,
	// gets it as a JPEG. Both may be nil.
	Look    <-chan struct{}   `json:"-"`
	Picture func(jpeg []byte) `json:"-"`
}

// MaxEvery bounds CountQuestion.Every: with longer steps a walking person cannot be followed.
const MaxEvery = 30

// CountLine is one line that is counted at.
type CountLine struct {
	Name string     `json:"name"`
	Line [4]float64 `json:"line"` // x1, y1, x2, y2 in pixels of the source
}

// CountZone is one part of the picture in which people are counted.
type CountZone struct {
	Name   string       `json:"name"`
	Points [][2]float64 `json:"points"` // the polygon's corners, x, y in pixels of the source
}

// LineCount is what was counted at a line.
type LineCount struct {
	Name string `json:"name"`
	In   int    `json:"in"`  // feet moved to the side of the line where side(p) > 0
	Out  int    `json:"out"` // and to side(p) < 0
}

// ZoneCount is who is and was in a zone.
type ZoneCount struct {
	Name       string  `json:"name"`
	Inside     int     `json:"inside"` // now
	Most       int     `json:"most"`   // at once
	Entered    int     `json:"entered"`
	Left       int     `json:"left"`       // who vanished inside has left, too
	MeanFrames float64 `json:"meanFrames"` // how long those who left had stayed
}

// What is worth knowing before a count is believed: the values of CountHealth.Notes.
const (
	NoteLearning = "learning"         // the default detector does not know yet how high people are here
	NoteTooLarge = "people_too_large" // people fill the picture: the default detector misses some of them
	NoteTooSmall = "people_too_small" // people are a few pixels high
	NoteSlow     = "slow"             // fewer than four looks of the detector a second
	NoteGaps     = "gaps"             // the source was silent for a second or more
	NoteCamera   = "camera"           // the pictures are not fit to count in; with "_" and a code of the camera's conditions, why
	NoteNothing  = "no_frames"        // there was nothing to count in
)

// CountHealth says how far a count may be believed.
type CountHealth struct {
	Confidence string   `json:"confidence"` // "good", "fair" or "poor"
	Notes      []string `json:"notes"`      // why it is not good
}

// CountProgress is what a count has seen so far, about once a second.
type CountProgress struct {
	Frames int         `json:"frames"`
	In     int         `json:"in"`  // of all lines together
	Out    int         `json:"out"` // likewise
	Lines  []LineCount `json:"lines,omitempty"`
	Zones  []ZoneCount `json:"zones,omitempty"`
	FPS    float64     `json:"fps"`
	Gaps   int         `json:"gaps"`   // times that a live source gave nothing for a second or more
	Tracks int         `json:"tracks"` // people followed now

	Health CountHealth       `json:"health"`           // since the last progress
	Camera *condition.Report `json:"camera,omitempty"` // how the pictures are

	Found *[][5]float64 `json:"found,omitempty"` // when boxes were asked for: left, top, width, height, score in this frame
}

// CountAnswer is the result of a count.
type CountAnswer struct {
	Frames   int         `json:"frames"`
	In       int         `json:"in"`  // of all lines together
	Out      int         `json:"out"` // likewise
	Lines    []LineCount `json:"lines"`
	Zones    []ZoneCount `json:"zones"`
	FPS      float64     `json:"fps"` // frames over the whole time
	MS       float64     `json:"ms"`
	DetectMS float64     `json:"detectMs"` // mean for one frame that the detector looked at
	NetMS    float64     `json:"netMs"`    // of that inside the network
	Looked   int         `json:"looked"`   // frames that the detector looked at
	Gaps     int         `json:"gaps"`
	Read     int         `json:"read"` // frames of the source; more than Frames where a variant leaves some out
	Size     [2]int      `json:"size"` // of the source's pictures: width, height
	Detector string      `json:"detector"`
	Model    ModelID     `json:"model"`  // empty for the default detector
	Health   CountHealth `json:"health"` // over the whole count
}

// AllLines are the question's lines, or its one line as line "1"; none where it only has zones.
func (q CountQuestion) AllLines() []CountLine {
	if len(q.Lines) > 0 || q.Line == [4]float64{} && len(q.Zones) > 0 {
		return q.Lines
	}
	return []CountLine{{Name: "1", Line: q.Line}}
}

// Count counts people over a line until the source ends or ctx does, in a
// process of its own. progress, which may be nil, is told about once a second
// what was seen so far. When ctx ends the answer holds what was counted until
// then, beside ctx's error.
func (w *Worker) Count(ctx context.Context, q CountQuestion, progress func(CountProgress)) (CountAnswer, error) {
	var last CountAnswer
	if err := ctx.Err(); err != nil {
		return last, err
	}
	q.Source = absolute(q.Source)
	if q.Video != "" {
		video, err := filepath.Abs(q.Video)
		if err != nil {
			return last, fmt.Errorf("find the video's folder: %w", err)
		}
		q.Video = video
	}
	p, err := startProcess(w.o)
	if err != nil {
		return last, err
	}
	defer p.quit(stopGrace)
	m, _, err := p.ask(ctx, request{
		kind: KindCount, body: q, silence: w.o.Timeout, partial: true, look: q.Look,
		progress: func(m Message) {
			if len(m.Blobs) == 1 {
				if q.Picture != nil {
					q.Picture(m.Blobs[0])
				}
				return
			}
			var c CountProgress
			if json.Unmarshal(m.Body, &c) != nil {
				return
			}
			last = CountAnswer{Frames: c.Frames, In: c.In, Out: c.Out, Lines: c.Lines, Zones: c.Zones, FPS: c.FPS, Gaps: c.Gaps, Detector: q.Detector, Health: c.Health}
			if progress != nil {
				progress(c)
			}
		},
	})
	if err != nil {
		return last, err
	}
	answer := last
	if err := decode(m, &answer); err != nil {
		return last, err
	}
	return answer, ctx.Err()
}
