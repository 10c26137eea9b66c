package people

import "math"

// Box is where a person stands in a picture, in pixels.
type Box struct{ X, Y, W, H float64 }

// Feet is the middle of the lower edge.
func (b Box) Feet() (x, y float64) { return b.X + b.W/2, b.Y + b.H }

// IoU is the intersection of two boxes over their union, 0 to 1.
func (b Box) IoU(c Box) float64 {
	w := math.Min(b.X+b.W, c.X+c.W) - math.Max(b.X, c.X)
	h := math.Min(b.Y+b.H, c.Y+c.H) - math.Max(b.Y, c.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (b.W*b.H + c.W*c.H - w*h)
}

// Inside is how much of b lies in c, 0 to 1.
func (b Box) Inside(c Box) float64 {
	w := math.Min(b.X+b.W, c.X+c.W) - math.Max(b.X, c.X)
	h := math.Min(b.Y+b.H, c.Y+c.H) - math.Max(b.Y, c.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (b.W * b.H)
}

// Detection is a box that a detector found.
type Detection struct {
	Box
	Score float64 // 0 to 1
}

// Suppress keeps the best of the detections that overlap by more than iou.
func Suppress(in []Detection, iou float64) []Detection {
	sortByScore(in)
	var out []Detection
next:
	for _, d := range in {
		for _, k := range out {
			if d.IoU(k.Box) > iou {
				continue next
			}
		}
		out = append(out, d)
	}
	return out
}
