package face

// Challenge asks a person to turn the head, once to each side, and watches it
// happen in the five points over time. It makes a printed picture and a still on a
// telephone fail. It is no certified detection of presentation attacks: a film
// or a mask may pass.
type Challenge struct {
	steps []Guide
	at    int
	seen  int
	back  bool // the head must come back to the front before the next turn counts
	lost  int
}

const (
	turned       = 0.36 // nose off the middle, in eye distances
	front        = 0.20
	turnFrames   = 2  // so many frames in a row
	lostFrames   = 6  // a face may be lost for so many: strong turns hide it
	SameWhileOff = .2 // least likeness of a turned face and the same person's front
)

// NewChallenge asks for both turns, the left one first or last.
func NewChallenge(leftFirst bool) *Challenge {
	if leftFirst {
		return &Challenge{steps: []Guide{TurnLeft, TurnRight}}
	}
	return &Challenge{steps: []Guide{TurnRight, TurnLeft}}
}

// Now is what the person is asked to do; Fine when all is done.
func (c *Challenge) Now() Guide {
	switch {
	case c.at >= len(c.steps):
		return Fine
	case c.back:
		return LookStraight
	}
	return c.steps[c.at]
}

// Failed says that the face was gone for too long: somebody else may stand there.
func (c *Challenge) Failed() bool { return c.lost > lostFrames }

// Lost tells of a frame without a face.
func (c *Challenge) Lost() { c.lost++; c.seen = 0 }

// See tells how far the head is turned in the next frame (Face.Turn) and reports
// whether this frame completed a turn, so that the caller compares it.
//
// The camera sees the person unmirrored: a turn to the person's own left moves the
// nose to the picture's right, above 0.
func (c *Challenge) See(turn float64) bool {
	if c.at >= len(c.steps) || c.Failed() {
		return false
	}
	c.lost = 0
	if c.back {
		c.back = turn > front || turn < -front
		return false
	}
	if c.steps[c.at] == TurnRight {
		turn = -turn
	}
	if turn < turned {
		c.seen = 0
		return false
	}
	if c.seen++; c.seen < turnFrames {
		return false
	}
	c.seen = 0
	c.at++
	c.back = c.at < len(c.steps)
	return true
}
