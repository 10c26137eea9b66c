package vision

import (
	"errors"
	"fmt"

	"tram/drivers/camera/spec"
	"tram/vision/confine"
)

// What a caller decides on. A fault of the worker wraps one of the first seven.
var (
	ErrNoModel     = errors.New("a network's file is missing or not the pinned one")
	ErrNoFace      = errors.New("no face found")
	ErrNotPicture  = errors.New("not a picture that can be read")
	ErrNoCamera    = errors.New("no camera")
	ErrQuestion    = errors.New("a question that cannot be answered")
	ErrFailed      = errors.New("tram-vision failed")
	ErrFaceQuality = errors.New("no frame is fit to compare")
	ErrWorkerDied  = errors.New("tram-vision died")
	ErrTimeout     = errors.New("tram-vision did not answer in time")
	ErrNoWorker    = errors.New("the program tram-vision is not there")
)

// codes are the words for the errors on the wire.
var codes = []struct {
	code string
	err  error
}{
	{"no_model", ErrNoModel}, {"no_face", ErrNoFace}, {"not_picture", ErrNotPicture},
	{"face_quality", ErrFaceQuality}, {"no_camera", ErrNoCamera}, {"question", ErrQuestion}, {"failed", ErrFailed},
}

// FaultOf says err in the protocol's words.
func FaultOf(err error) Fault {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return Fault{Code: c.code, Text: err.Error()}
		}
	}
	return Fault{Code: "failed", Text: err.Error()}
}

// Err is the fault as an error that wraps its sentinel.
func (f Fault) Err() error {
	for _, c := range codes {
		if f.Code == c.code {
			return faultError{text: f.Text, is: c.err}
		}
	}
	return fmt.Errorf("%w: %s", ErrFailed, f.Text)
}

type faultError struct {
	text string
	is   error
}

func (e faultError) Error() string { return e.text }
func (e faultError) Unwrap() error { return e.is }

// Pong is the answer to a ping.
type Pong struct {
	Protocol  int    `json:"protocol"`
	OpenCV    string `json:"opencv"`
	PID       int    `json:"pid"`
	OpenMats  int    `json:"openMats"` // -1 unless built with -tags matprofile
	ModelsDir string `json:"modelsDir"`

	Confined []confine.Layer `json:"confined,omitempty"` // what holds the worker, layer by layer
}

// FaceQuestion asks whether the person before a camera is the one of a portrait.
type FaceQuestion struct {
	Portrait []byte   `json:"-"`                // JPEG, JPEG 2000 or PNG
	Source   string   `json:"source"`           // as drivers/camera opens it
	Frames   int      `json:"frames,omitempty"` // frames with a face to look at; 0 is 5
	Rate     float64  `json:"rate,omitempty"`   // frames/s of a folder; 0 is as fast as asked
	Ask      spec.Ask `json:"ask,omitzero"`     // of a device: size, rate and format
	// Model is set by the Worker, from its Options.
	Model FaceModel `json:"model,omitzero"`
	// Liveness asks the person to turn the head to both sides, in random order.
	Liveness bool `json:"liveness,omitempty"`
	// Likeness, which may be nil, is where the portrait's template is kept for the next comparison of
	// the same visit, and where this one takes it from.
	Likeness *Likeness `json:"-"`
	Keep     bool      `json:"keep,omitempty"` // set by the Worker: there is a Likeness
	// Guide, which may be nil, is told what the person should do now: a code of face.Guide.
	Guide func(code string) `json:"-"`
}

// FaceProgress is the body of a comparison's progress. One blob beside it is for the Likeness.
type FaceProgress struct {
	Guide string `json:"guide,omitempty"` // a code of face.Guide, such as "look_straight" or "turn_left"
}

// FaceAnswer says how alike two faces are and what follows from it.
type FaceAnswer struct {
	Score     float64   `json:"score"`     // cosine of the two templates, −1 to 1
	Threshold float64   `json:"threshold"` // Match is Score ≥ Threshold
	Match     bool      `json:"match"`
	Unsure    bool      `json:"unsure"` // below the threshold, yet not clearly another person: ask the clerk
	Model     ModelID   `json:"model"`
	Detector  ModelID   `json:"detector"`
	Frames    int       `json:"frames,omitempty"`   // looked at
	Liveness  string    `json:"liveness,omitempty"` // where it was asked for: "passed" or "failed"; without "passed" there is no match
	Quality   float64   `json:"quality,omitempty"`  // of the frame that was compared, 0 to 1
	Passes    Passes    `json:"passes"`
	MS        FaceTimes `json:"ms"`
}

// Passes is how often each network was run for an answer.
type Passes struct {
	Detector  int `json:"detector"`
	Embedding int `json:"embedding"`
}

// FaceTimes is how long the parts took, in milliseconds; sums over all frames.
type FaceTimes struct {
	Total   float64 `json:"total"`
	Forward float64 `json:"forward"` // inside the networks
}

// ModelID names a network that was really used: SHA256 is that of the bytes loaded.
type ModelID struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// QRAnswer is what the codes in a picture say.
type QRAnswer struct {
	Texts []string `json:"texts"`
}
