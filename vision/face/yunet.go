package face

import (
	"errors"
	"math"
	"sort"
)

// Point is a position in pixels.
type Point struct{ X, Y float64 }

// Face is one face in a picture. Points are, as seen in the picture: left eye,
// right eye, tip of the nose, left and right corner of the mouth.
type Face struct {
	X, Y, W, H float64
	Points     [5]Point
	Score      float64 // 0 to 1
}

// YuNetOutput is the raw output of YuNet (2022mar) for an input of Width×Height
// pixels, both multiples of 32: for each of n priors 14, 2 and 1 numbers.
type YuNetOutput struct {
	Width, Height  int
	Loc, Conf, IoU []float32
}

var (
	priorSizes = [4][]float64{{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}}
	priorSteps = [4]int{8, 16, 32, 64}
)

// ErrOutput is a network's output of another shape than its input calls for.
var ErrOutput = errors.New("face detector: output has an unexpected shape")

// Decode turns the output into faces of at least the given score, best first,
// each face once. The arithmetic is that of OpenCV 4.6's FaceDetectorYN.
func Decode(o YuNetOutput, least float64) ([]Face, error) {
	w, h := float64(o.Width), float64(o.Height)
	var faces []Face
	i := 0
	for level, sizes := range priorSizes {
		columns, lines := o.Width/4, o.Height/4
		for range level + 1 {
			columns, lines = columns/2, lines/2
		}
		step := float64(priorSteps[level])
		for y := range lines {
			for x := range columns {
				for _, size := range sizes {
					if (i+1)*14 > len(o.Loc) || (i+1)*2 > len(o.Conf) || i >= len(o.IoU) {
						return nil, ErrOutput
					}
					iou := math.Min(1, math.Max(0, float64(o.IoU[i])))
					score := math.Sqrt(float64(o.Conf[2*i+1]) * iou)
					if score >= least {
						f := o.face(i, (float64(x)+0.5)*step, (float64(y)+0.5)*step, size)
						f.Score = score
						if f.fits(w, h) {
							faces = append(faces, f)
						}
					}
					i++
				}
			}
		}
	}
	if i*14 != len(o.Loc) {
		return nil, ErrOutput
	}
	return suppress(faces, 0.3), nil
}

func (o YuNetOutput) face(i int, cx, cy, size float64) Face {
	v := o.Loc[14*i : 14*i+14]
	at := func(k int) (float64, float64) {
		return cx + float64(v[k])*0.1*size, cy + float64(v[k+1])*0.1*size
	}
	x, y := at(0)
	fw, fh := size*math.Exp(float64(v[2])*0.1), size*math.Exp(float64(v[3])*0.2)
	f := Face{X: x - fw/2, Y: y - fh/2, W: fw, H: fh}
	for k := range f.Points {
		f.Points[k].X, f.Points[k].Y = at(4 + 2*k)
	}
	return f
}

// fits refuses what no arithmetic downstream can use.
func (f Face) fits(w, h float64) bool {
	for _, v := range []float64{f.X, f.Y, f.W, f.H, f.Points[0].X, f.Points[0].Y, f.Points[4].X, f.Points[4].Y} {
		if math.IsNaN(v) || math.Abs(v) > 4*(w+h) {
			return false
		}
	}
	return f.W >= 4 && f.H >= 4
}

func suppress(in []Face, limit float64) []Face {
	sort.SliceStable(in, func(a, b int) bool { return in[a].Score > in[b].Score })
	var out []Face
next:
	for _, f := range in {
		for _, g := range out {
			if f.overlap(g) > limit {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}

func (f Face) overlap(g Face) float64 {
	w := math.Min(f.X+f.W, g.X+g.W) - math.Max(f.X, g.X)
	h := math.Min(f.Y+f.H, g.Y+g.H) - math.Max(f.Y, g.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (f.W*f.H + g.W*g.H - w*h)
}

// Scale returns the face in a picture k times as large.
func (f Face) Scale(k float64) Face {
	f.X, f.Y, f.W, f.H = f.X*k, f.Y*k, f.W*k, f.H*k
	for i := range f.Points {
		f.Points[i].X *= k
		f.Points[i].Y *= k
	}
	return f
}

// Main picks the face that a picture is about: large, near the middle, sure.
func Main(faces []Face, width, height float64) (Face, bool) {
	best, value := Face{}, -1.0
	for _, f := range faces {
		off := math.Hypot(f.X+f.W/2-width/2, f.Y+f.H/2-height/2) / math.Hypot(width, height)
		if v := f.Score * math.Sqrt(math.Max(0, f.W*f.H)) * (1.2 - off); v > value {
			best, value = f, v
		}
	}
	return best, value >= 0
}
