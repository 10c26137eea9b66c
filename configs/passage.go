package configs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of a passage.
const (
	maxChannel = 8
	maxPulse   = 10 * time.Second
	maxWithin  = time.Minute
)

// checkPassage is every rule of the gate that opens for a person.
func (c Config) checkPassage(k *checker) {
	p := c.Passage
	if !slices.Contains(bauds, p.Baud) {
		k.wrong("passage.baud", fmt.Sprintf("%d is not a rate of a serial port", p.Baud), fmt.Sprintf("use one of %v", bauds))
	}
	if p.Channel < 1 || p.Channel > maxChannel {
		k.wrong("passage.channel", fmt.Sprintf("%d is no channel of a relay board", p.Channel), fmt.Sprintf("use 1 to %d", maxChannel))
	}
	if d := p.Pulse.Value(); d < 50*time.Millisecond || d > maxPulse {
		k.wrong("passage.pulse", fmt.Sprintf("%v is no time for a gate", d), fmt.Sprintf("use 50ms to %v", maxPulse))
	}
	if d := p.Within.Value(); d < time.Second || d > maxWithin {
		k.wrong("passage.within", fmt.Sprintf("%v is no time to go through", d), fmt.Sprintf("use 1s to %v", maxWithin))
	}
	if ways := []string{"in", "out", "both"}; !slices.Contains(ways, p.Direction) {
		k.wrong("passage.direction", fmt.Sprintf("%q is not a direction", p.Direction), "use "+strings.Join(ways, ", "))
	}
	if d := p.Passback.Value(); d < 0 || d > 24*time.Hour {
		k.wrong("passage.passback", fmt.Sprintf("%v is no time between two passages", d), "use 0s to 24h")
	}
	switch {
	case p.Sensor == "board" && p.Relay == "":
		k.wrong("passage.sensor", "is an input of a board that is not named", "name the board in passage.relay, or another sensor")
	case p.Sensor == "camera" && c.Gate.Source == "":
		k.wrong("passage.sensor", "is the camera of a gate that is not there", "set gate.source and gate.line, or name another sensor")
	case p.Sensor != "" && p.Sensor == p.Relay:
		k.wrong("passage.sensor", "is the port of the relay board", "write board for an input of it")
	}
}
