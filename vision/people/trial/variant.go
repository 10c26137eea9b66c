package trial

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tram/vision/people"
)

// Variant is how a sequence is changed before it is counted; the zero value
// leaves it as it is. Frames are chosen first, then the picture is cut, mirrored,
// scaled, made brighter or darker, and disturbed.
type Variant struct {
	From      int        `json:"from,omitempty"`   // frames left out at the beginning
	Frames    int        `json:"frames,omitempty"` // frames after those; 0 is all
	Backwards bool       `json:"backwards,omitempty"`
	Every     int        `json:"every,omitempty"` // each so many-th of them; 0 is 1
	Crop      [4]float64 `json:"crop,omitzero"`   // left, top, width, height in parts of the picture; zero is all of it
	Mirror    bool       `json:"mirror,omitempty"`
	Scale     float64    `json:"scale,omitempty"` // 0 is 1
	Gain      float64    `json:"gain,omitempty"`  // brightness times this; 0 is 1
	Noise     float64    `json:"noise,omitempty"` // standard deviation of what is added to each value
}

// Variants are the copies that a sequence is judged by beside itself.
func Variants() []string {
	return []string{
		"", "mirror", "backwards", "every=2", "scale=0.5", "scale=0.75", "scale=1.5", "gain=0.5", "gain=1.4", "noise=8",
		"crop=0/0.1/0.6/0.9", "crop=0.4/0.1/0.6/0.9", "crop=0.15/0.2/0.7/0.7", "from=40", "from=150", "backwards+mirror+scale=0.75",
	}
}

// ParseVariant reads steps joined by "+": mirror, backwards, every=2, from=100, frames=100,
// scale=0.5, gain=1.4, noise=8, crop=left/top/width/height in parts of the picture.
func ParseVariant(s string) (Variant, error) {
	var v Variant
	if s == "" {
		return v, nil
	}
	for step := range strings.SplitSeq(s, "+") {
		if err := v.step(step); err != nil {
			return v, fmt.Errorf("variant %q: %w", s, err)
		}
	}
	return v, v.Check()
}

func (v *Variant) step(step string) error {
	name, value, _ := strings.Cut(step, "=")
	number := func(into *float64) (err error) {
		*into, err = strconv.ParseFloat(value, 64)
		return err
	}
	whole := func(into *int) (err error) {
		*into, err = strconv.Atoi(value)
		return err
	}
	switch name {
	case "mirror":
		v.Mirror = true
	case "backwards":
		v.Backwards = true
	case "every":
		return whole(&v.Every)
	case "from":
		return whole(&v.From)
	case "frames":
		return whole(&v.Frames)
	case "scale":
		return number(&v.Scale)
	case "gain":
		return number(&v.Gain)
	case "noise":
		return number(&v.Noise)
	case "crop":
		parts := strings.Split(value, "/")
		if len(parts) != len(v.Crop) {
			return errors.New("crop: want left/top/width/height")
		}
		for i, p := range parts {
			f, err := strconv.ParseFloat(p, 64)
			if err != nil {
				return err
			}
			v.Crop[i] = f
		}
	default:
		return fmt.Errorf("no step %q", step)
	}
	return nil
}

// Check says whether a variant that came from outside can be made.
func (v Variant) Check() error {
	within := func(f, least, most float64) bool { return f == 0 || f >= least && f <= most } // not a number is not
	c := v.Crop
	switch {
	case v.From < 0 || v.Frames < 0 || v.Every < 0 || v.Every > 1000:
		return errors.New("from, frames and every cannot be below 0, and every at most 1000")
	case !within(v.Scale, 0.05, 4):
		return errors.New("scale: want 0.05 to 4")
	case !within(v.Gain, 0.05, 8):
		return errors.New("gain: want 0.05 to 8")
	case !within(v.Noise, 0.01, 64):
		return errors.New("noise: want 0.01 to 64")
	case c != [4]float64{} && !(c[0] >= 0 && c[1] >= 0 && c[2] >= 0.05 && c[3] >= 0.05 && c[0]+c[2] <= 1 && c[1]+c[3] <= 1):
		return errors.New("crop: want a part of the picture, at least a twentieth of it wide and high")
	}
	return nil
}

// Select says which frames of a sequence of n are played, from 0, in which order.
func (v Variant) Select(n int) []int {
	end := n
	if v.Frames > 0 {
		end = min(n, v.From+v.Frames)
	}
	var out []int
	for i := v.From; i < end; i += max(1, v.Every) {
		out = append(out, i)
	}
	if v.Backwards {
		for i := range len(out) / 2 {
			j := len(out) - 1 - i
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// Window is the part of a picture that is kept, in whole pixels.
func (v Variant) Window(width, height int) (x, y, w, h int) {
	if v.Crop == [4]float64{} {
		return 0, 0, width, height
	}
	x, y = int(v.Crop[0]*float64(width)), int(v.Crop[1]*float64(height))
	return x, y, max(1, min(width-x, int(v.Crop[2]*float64(width)))), max(1, min(height-y, int(v.Crop[3]*float64(height))))
}

// Size is how large the pictures are after the change.
func (v Variant) Size(width, height int) (w, h int) {
	_, _, w, h = v.Window(width, height)
	if v.Scale == 0 {
		return w, h
	}
	return max(1, int(math.Round(float64(w)*v.Scale))), max(1, int(math.Round(float64(h)*v.Scale)))
}

// Truth is the truth about the changed sequence, of which n frames are there.
func (v Variant) Truth(t people.Truth, n, width, height int) people.Truth {
	x, y, w, h := v.Window(width, height)
	sw, sh := v.Size(width, height)
	kx, ky := float64(sw)/float64(w), float64(sh)/float64(h)
	out := people.Truth{Frames: map[int]map[int]people.Box{}}
	for i, from := range v.Select(n) {
		boxes := make(map[int]people.Box, len(t.Frames[from+1]))
		for id, b := range t.Frames[from+1] {
			b.X, b.Y = b.X-float64(x), b.Y-float64(y)
			if v.Mirror {
				b.X = float64(w) - b.X - b.W
			}
			boxes[id] = people.Box{X: b.X * kx, Y: b.Y * ky, W: b.W * kx, H: b.H * ky}
		}
		out.Frames[i+1], out.Last = boxes, i+1
	}
	return out
}
