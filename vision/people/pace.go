package people

import "math"

// walking is how fast people walk across a picture, in heights a second.
const walking = 0.8

// firstRate is believed, in frames a second, until people were seen to walk.
const firstRate = 10

// pace is how far people who walk get in a frame, in their heights. It is what
// tells frames that are 40 ms apart from those 400 ms apart: a folder of pictures
// does not say it, and what a video says of itself may be wrong.
type pace struct {
	at   float64
	seen int // stretches
}

// see learns each time somebody has come half their height farther: most walk no
// faster. Who stands still has nothing to tell.
func (p *pace) see(tracks []*Track) {
	const (
		stretch  = 0.5
		quantile = 0.75
	)
	for _, k := range tracks {
		k.since++
		way := math.Hypot(k.x.at-k.fromX, k.y.at-k.fromY) / k.h
		if !k.Counts() || k.Missed > 0 || way < stretch {
			continue
		}
		p.seen++
		gain := math.Max(0.2, 0.9/(1+0.2*float64(p.seen))) // at first there is much to learn
		if way/float64(k.since) > p.at {
			p.at *= 1 + gain*quantile
		} else {
			p.at *= 1 - gain*(1-quantile)
		}
		k.fromX, k.fromY, k.since = k.x.at, k.y.at, 0
	}
	p.at = math.Max(walking/60, math.Min(walking/1.5, p.at))
}

// seconds is how long a frame lasts.
func (p pace) seconds() float64 { return p.at / walking }

// push is by how much the speed changes in a frame: people turn and stop at will,
// so that it grows with the root of the time, and a speed is a way for each frame.
func (p pace) push() float64 { return 0.4 * math.Pow(p.seconds(), 1.5) }

// first is how fast somebody may be who was seen once.
func (p pace) first() float64 { return p.at }

// fade is what is left of a speed after a frame without a detection.
func (p pace) fade() float64 { return math.Pow(0.81, p.seconds()) }

// patience is two seconds in frames.
func (p pace) patience() int { return int(math.Round(2 / p.seconds())) }
