package cv

import (
	"image"
	"math"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/people"
)

// motion is the detector that needs no file: what differs from the background
// and is as large as a person is a person; what is as wide as two is two. It
// learns how high people are from those who walk alone, by how far down in the
// picture their feet are.
type motion struct {
	model2 gocv.BackgroundSubtractorMOG2
	seen   int

	small, mask, kernel, tall gocv.Mat
	labels, stats, centres    gocv.Mat
	size                      heightModel
}

const motionWidth = 384 // the frame is shrunk to this width, and never enlarged

func newMotion() *motion {
	return &motion{
		model2: gocv.NewBackgroundSubtractorMOG2WithParams(400, 20, true),
		small:  gocv.NewMat(), mask: gocv.NewMat(), labels: gocv.NewMat(), stats: gocv.NewMat(), centres: gocv.NewMat(),
		kernel: gocv.GetStructuringElement(gocv.MorphRect, image.Pt(2, 2)),
		tall:   gocv.GetStructuringElement(gocv.MorphRect, image.Pt(3, 7)),
	}
}

func (d *motion) name() string          { return "default" }
func (d *motion) model() vision.ModelID { return vision.ModelID{} }

func (d *motion) close() {
	_ = d.model2.Close()
	for _, m := range []*gocv.Mat{&d.small, &d.mask, &d.kernel, &d.tall, &d.labels, &d.stats, &d.centres} {
		_ = m.Close()
	}
}

func (d *motion) detect(frame gocv.Mat) ([]people.Detection, error) {
	k := min(1, float64(motionWidth)/float64(frame.Cols()))
	w, h := max(1, int(float64(frame.Cols())*k)), max(1, int(float64(frame.Rows())*k))
	gocv.Resize(frame, &d.small, image.Pt(w, h), 0, 0, gocv.InterpolationArea)
	d.model2.Apply(d.small, &d.mask)
	d.seen++
	gocv.Threshold(d.mask, &d.mask, 200, 255, gocv.ThresholdBinary) // shadows are 127
	gocv.MorphologyEx(d.mask, &d.mask, gocv.MorphOpen, d.kernel)
	gocv.MorphologyEx(d.mask, &d.mask, gocv.MorphClose, d.tall)
	n := gocv.ConnectedComponentsWithStats(d.mask, &d.labels, &d.stats, &d.centres)
	if d.seen < 3 {
		return nil, nil // the first frames are all difference
	}
	pixels, err := d.mask.DataPtrUint8()
	if err != nil {
		return nil, err
	}
	var found []people.Detection
	for i := 1; i < n; i++ {
		b := blob{
			x: int(d.stats.GetIntAt(i, 0)), y: int(d.stats.GetIntAt(i, 1)), w: int(d.stats.GetIntAt(i, 2)), h: int(d.stats.GetIntAt(i, 3)),
			area: int(d.stats.GetIntAt(i, 4)),
		}
		if b.area > w*h/3 {
			return nil, nil // the light or the camera changed, not the people
		}
		for _, p := range d.split(b, pixels, w, h) {
			p.X, p.Y, p.W, p.H = p.X/k, p.Y/k, p.W/k, p.H/k
			found = append(found, p)
		}
	}
	return found, nil
}

// blob is a connected part of the foreground, in pixels of the small frame.
type blob struct{ x, y, w, h, area int }

// split says which people a blob is.
func (d *motion) split(b blob, mask []uint8, w, h int) []people.Detection {
	feet := float64(b.y + b.h)
	cut := b.x <= 1 || b.x+b.w >= w-1 || b.y <= 1 || b.y+b.h >= h-1
	aspect := float64(b.w) / float64(b.h)
	fill := float64(b.area) / float64(b.w*b.h)
	if !cut && b.h >= 14 && aspect > 0.22 && aspect < 0.62 && fill > 0.35 {
		d.size.learn(feet, float64(b.h))
	}
	want := d.size.at(feet, float64(h))
	if float64(b.h) < 0.45*want || float64(b.area) < 0.06*want*want {
		return nil
	}
	whole := people.Detection{Box: people.Box{X: float64(b.x), Y: float64(b.y), W: float64(b.w), H: float64(b.h)}, Score: 0.8}
	if float64(b.h) < 0.7*want || fill < 0.25 {
		whole.Score = 0.4
	}
	one := 0.42 * want
	alone := aspect < 0.62 && (!d.size.known() || float64(b.h) < 1.5*want)
	if alone && (float64(b.w) < 1.45*one || !d.size.known()) {
		return []people.Detection{whole}
	}
	return peaks(b, mask, w, one, want)
}

// peaks cuts a wide blob into people: each column's foreground is counted, and
// people are put where the most of it lies, one width apart.
func peaks(b blob, mask []uint8, stride int, one, want float64) []people.Detection {
	heights := make([]float64, b.w)
	for x := range b.w {
		for y := range b.h {
			if mask[(b.y+y)*stride+b.x+x] != 0 {
				heights[x]++
			}
		}
	}
	var out []people.Detection
	used := make([]bool, b.w)
	for range 12 {
		best, at := 0.0, -1
		half := max(1, int(one/2))
		for x := range b.w {
			lo, hi := max(0, x-half), min(b.w, x+half+1)
			sum, free := 0.0, true
			for i := lo; i < hi; i++ {
				sum += heights[i]
				free = free && !used[i]
			}
			if free && sum > best {
				best, at = sum, x
			}
		}
		if at < 0 || best < 0.25*one*want {
			break
		}
		lo, hi := max(0, at-half), min(b.w, at+half+1)
		for i := lo; i < hi; i++ {
			used[i] = true
		}
		top, low := vertical(b, mask, stride, lo, hi)
		for low-top > 0 {
			height := math.Min(float64(low-top), 1.25*want)
			if height < 0.45*want {
				break
			}
			out = append(out, people.Detection{Box: people.Box{X: float64(b.x + lo), Y: float64(low) - height, W: float64(hi - lo), H: height}, Score: 0.6})
			low -= int(height)
		}
	}
	return out
}

// vertical is the first and the last line of the foreground in columns lo to hi.
func vertical(b blob, mask []uint8, stride, lo, hi int) (top, low int) {
	top, low = b.y+b.h, b.y
	for y := b.y; y < b.y+b.h; y++ {
		n := 0
		for x := lo; x < hi; x++ {
			if mask[y*stride+b.x+x] != 0 {
				n++
			}
		}
		if n*5 >= hi-lo {
			top, low = min(top, y), max(low, y+1)
		}
	}
	return top, low
}

// heightModel is a running straight line through (feet, height).
type heightModel struct{ n, sx, sy, sxx, sxy float64 }

func (m *heightModel) learn(feet, height float64) {
	if m.known() && (height < 0.5*m.at(feet, 0) || height > 1.8*m.at(feet, 0)) {
		return
	}
	const fade = 0.998
	m.n, m.sx, m.sy, m.sxx, m.sxy = m.n*fade+1, m.sx*fade+feet, m.sy*fade+height, m.sxx*fade+feet*feet, m.sxy*fade+feet*height
}

func (m *heightModel) known() bool { return m.n >= 12 }

// at is how high a person is whose feet are there; before enough is known a
// seventh of the frame.
func (m *heightModel) at(feet, frame float64) float64 {
	if !m.known() {
		return frame / 7
	}
	mean := m.sy / m.n
	spread := m.sxx - m.sx*m.sx/m.n
	slope := 0.0
	if spread > 50*m.n {
		slope = (m.sxy - m.sx*m.sy/m.n) / spread
	}
	return math.Max(0.4*mean, math.Min(2.5*mean, mean+slope*(feet-m.sx/m.n)))
}
