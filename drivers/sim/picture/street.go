package picture

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
)

// Street is a picture sequence, 640×480 pixels, of invented people who walk over
// a line, with the truth about them. A person whose feet cross towards the side
// of Line where side(p) = (x2−x1)(py−y1) − (y2−y1)(px−x1) is above 0 goes in.
type Street struct {
	Frames  int
	Rate    float64    // frames a second that the walking speed is meant for
	Line    [4]float64 // x1, y1, x2, y2 in pixels
	In, Out int        // how many people cross in each direction

	ground  []byte
	walkers []walker
	seed    uint64
}

// walker is one figure: where its feet are in each frame, and how it looks.
type walker struct {
	start, frames  int // the frames in which it is in the street
	x0, y0, x1, y1 float64
	tall           float64
	coat, legs     [3]byte
	skin, hair     [3]byte
	gait           float64
}

const (
	streetWidth  = 640
	streetHeight = 480
)

// NewStreet makes the street of a seed: 150 frames at 10 a second, an upright line in
// the middle, two or three people each way on lanes of their own. The first 12
// frames show the empty street.
func NewStreet(seed int64) *Street {
	r := rand.New(rand.NewPCG(uint64(seed), 0x73747265)) //nolint:gosec // drawing, not security
	s := &Street{Frames: 150, Rate: 10, Line: [4]float64{320, 140, 320, 470}, seed: uint64(seed)}
	s.In, s.Out = 2+r.IntN(2), 2+r.IntN(2)
	s.ground = paintGround(r, s.Line, s.seed)
	// One direction after the other on lanes apart, so that nobody hides anybody on the line.
	lanes := []float64{225, 285, 345, 405, 455}
	r.Shuffle(len(lanes), func(i, j int) { lanes[i], lanes[j] = lanes[j], lanes[i] })
	n := s.In + s.Out
	left := s.In
	for i := range n {
		inward := i%2 == 0 && left > 0 || n-i <= left
		if inward {
			left--
		}
		y := lanes[i%len(lanes)]
		w := walker{
			start: 12 + i*16 + r.IntN(4), frames: 44 + r.IntN(8),
			x0: -45, x1: streetWidth + 45, y0: y, y1: y + 16*(r.Float64()-0.5),
			tall: (88 + 0.14*y) * (0.93 + 0.14*r.Float64()), gait: 2.2 + r.Float64(),
			coat: colour(r, 30, 200), legs: colour(r, 15, 90), skin: [3]byte{205, 160, 130}, hair: [3]byte{30, 24, 22},
		}
		if inward {
			w.x0, w.x1 = w.x1, w.x0
		}
		s.walkers = append(s.walkers, w)
	}
	return s
}

//go:norace
func colour(r *rand.Rand, lo, hi int) [3]byte {
	c := func() byte { return byte(lo + r.IntN(hi-lo)) }
	return [3]byte{c(), c(), c()}
}

// Frame draws frame i, 0 ≤ i < Frames.
func (s *Street) Frame(i int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, streetWidth, streetHeight))
	copy(img.Pix, s.ground)
	for depth := range streetHeight + 40 { // far ones first
		for k := range s.walkers {
			w := &s.walkers[k]
			if int(w.y0) == depth && i >= w.start && i < w.start+w.frames {
				w.draw(img, float64(i-w.start)/float64(w.frames-1), float64(i))
			}
		}
	}
	s.speckle(img, i)
	return img
}

// Write writes every frame into dir as WriteFrames does, one at a time.
func (s *Street) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of frames: %w", err)
	}
	for i := range s.Frames {
		if err := writeFrame(dir, i, s.Frame(i)); err != nil {
			return err
		}
	}
	return nil
}

// paintGround paints the empty street: a wall, a pavement with slabs, the line.
//
//go:norace
func paintGround(r *rand.Rand, line [4]float64, seed uint64) []byte {
	pix := make([]byte, 4*streetWidth*streetHeight)
	tint := 0.95 + 0.1*r.Float64()
	for y := range streetHeight {
		for x := range streetWidth {
			fx, fy := float64(x), float64(y)
			n := 0.5*noise(fx/3, fy/3, seed) + 0.5*noise(fx/17, fy/11, seed+1)
			c := rgb{0.62, 0.61, 0.58}.mul(0.82 + 0.24*n)
			if y < 130 {
				c = rgb{0.70, 0.64, 0.53}.mul(0.85 + 0.2*n)
				if y%26 < 2 || (x+y/26%2*30)%60 < 2 {
					c = c.mul(0.82)
				}
				if x > 70 && x < 180 && y > 30 || x > 450 && x < 570 && y > 24 && y < 100 {
					c = rgb{0.30, 0.36, 0.42}.mul(0.8 + 0.3*n)
				}
			} else {
				deep := 60 / (fy - 100)
				if math.Mod(deep*40, 4) < 0.15 || math.Mod(math.Abs((fx-320)*deep)+900, 34) < 34*0.03 {
					c = c.mul(0.86)
				}
			}
			if math.Abs(fx-line[0]) < 2.5 && fy > line[1] && fy < line[3] {
				c = rgb{0.86, 0.78, 0.35}.mul(0.9 + 0.1*n)
			}
			o := 4 * (y*streetWidth + x)
			pix[o], pix[o+1], pix[o+2], pix[o+3] = byte8(c.r*tint), byte8(c.g*tint), byte8(c.b*tint), 255
		}
	}
	return pix
}

// speckle adds the sensor's grain of frame i.
//
//go:norace
func (s *Street) speckle(img *image.RGBA, i int) {
	state := s.seed*977 + uint64(i)*131071 + 1
	for o := 0; o < len(img.Pix); o += 4 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		n := int(state>>60) - 8
		for c := range 3 {
			img.Pix[o+c] = byte(min(max(int(img.Pix[o+c])+n, 0), 255))
		}
	}
}
