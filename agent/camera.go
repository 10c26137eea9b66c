package agent

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"tram/configs"
	"tram/drivers"
	"tram/drivers/camera/spec"
	"tram/vision"
)

// counterCamera is what is known of the camera that sees the person at the
// counter. The worker opens it for each comparison only, so between two of them
// its last outcome stands, and for a local source whether it is there at all.
type counterCamera struct {
	source  string
	ask     spec.Ask
	looking sync.Mutex // a technician has it open for a still

	mu     sync.Mutex
	status drivers.Status
	failed string // why the last comparison had no camera
}

func newCounterCamera(c configs.Camera) *counterCamera {
	return &counterCamera{source: c.Source, ask: asked(c.Mode), status: drivers.Status{Kind: "camera", Name: "counter", State: drivers.Ready, Since: time.Now()}}
}

// asked is what a camera is asked for.
func asked(m configs.Mode) spec.Ask {
	return spec.Ask{Width: m.Size[0], Height: m.Size[1], Rate: m.Rate, Format: m.Format}
}

// used notes how a comparison went.
func (c *counterCamera) used(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = ""
	if errors.Is(err, vision.ErrNoCamera) {
		c.failed = err.Error()
	}
}

// Status says whether the camera is there.
func (c *counterCamera) Status() drivers.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, detail := drivers.Ready, ""
	local := !strings.Contains(c.source, "://")
	if local && strings.Trim(c.source, "0123456789") == "" { // a bare number is a video device's
		if _, err := os.Stat("/dev/video" + c.source); err != nil {
			state, detail = drivers.Missing, fmt.Sprintf("/dev/video%s is not there", c.source)
		}
	} else if _, err := os.Stat(c.source); local && err != nil {
		state, detail = drivers.Missing, c.source+" is not there"
	}
	if c.failed != "" && (!local || state == drivers.Ready) {
		state, detail = drivers.Failed, c.failed
	}
	if c.status.State != state || c.status.Detail != detail {
		c.status.State, c.status.Detail, c.status.Since = state, detail, time.Now()
	}
	return c.status
}
