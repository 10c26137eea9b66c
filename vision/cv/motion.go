package cv

import (
	"image"

	"gocv.io/x/gocv"

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
	k                         float64 // pixels of the small frame for one of the frame
	w, h                      int     // of the small frame
	sum                       []int32 // integral of the mask
	found                     []blob
	size                      heightModel // in pixels of the small frame, of who walks alone

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

func (d *motion) close() {
	_ = d.model2.Close()
	for _, m := range []*gocv.Mat{&d.small, &d.mask, &d.kernel, &d.tall, &d.labels, &d.stats, &d.centres} {
		_ = m.Close()
	}
}

// blobs are the parts of the frame that differ from the background.
func (d *motion) blobs(frame gocv.Mat) ([]people.Box, error) {
	d.k = min(1, float64(motionWidth)/float64(frame.Cols()))
	w, h := max(1, int(float64(frame.Cols())*d.k)), max(1, int(float64(frame.Rows())*d.k))
	gocv.Resize(frame, &d.small, image.Pt(w, h), 0, 0, gocv.InterpolationArea)
	d.model2.Apply(d.small, &d.mask)
	d.seen++
	gocv.Threshold(d.mask, &d.mask, 200, 255, gocv.ThresholdBinary) // shadows are 127
	gocv.MorphologyEx(d.mask, &d.mask, gocv.MorphOpen, d.kernel)
	gocv.MorphologyEx(d.mask, &d.mask, gocv.MorphClose, d.tall)
	n := gocv.ConnectedComponentsWithStats(d.mask, &d.labels, &d.stats, &d.centres)
	pixels, err := d.mask.DataPtrUint8()
	if err != nil {
		return nil, err
	}
	d.sum = integral(pixels, w, h, d.sum)
	d.w, d.h = w, h
	var found []people.Box
	d.found = d.found[:0]
	for i := 1; i < n; i++ {
		b := blob{
			x: int(d.stats.GetIntAt(i, 0)), y: int(d.stats.GetIntAt(i, 1)), w: int(d.stats.GetIntAt(i, 2)), h: int(d.stats.GetIntAt(i, 3)),
			area: int(d.stats.GetIntAt(i, 4)),
		}
		if b.area < 12 {
			continue
		}
		d.found = append(d.found, b)
		found = append(found, people.Box{X: float64(b.x) / d.k, Y: float64(b.y) / d.k, W: float64(b.w) / d.k, H: float64(b.h) / d.k})
	}
	return found, nil
}

// foreground is how much of a box differs from the background, 0 to 1.
func (d *motion) foreground(b people.Box) float64 {
	r := rect(people.Box{X: b.X * d.k, Y: b.Y * d.k, W: b.W * d.k, H: b.H * d.k}).Intersect(image.Rect(0, 0, d.w, d.h))
	if r.Empty() {
		return 0
	}
	s := d.w + 1
	n := d.sum[r.Max.Y*s+r.Max.X] - d.sum[r.Min.Y*s+r.Max.X] - d.sum[r.Max.Y*s+r.Min.X] + d.sum[r.Min.Y*s+r.Min.X]
	return float64(n) / float64(r.Dx()*r.Dy())
}

// integral is, for each place, how many pixels above and left of it are not 0.
func integral(mask []uint8, w, h int, into []int32) []int32 {
	if len(into) != (w+1)*(h+1) {
		into = make([]int32, (w+1)*(h+1))
	}
	for y := range h {
		row, above, line := int32(0), into[y*(w+1)+1:], into[(y+1)*(w+1)+1:]
		for x, p := range mask[y*w : (y+1)*w] {
			if p != 0 {
				row++
			}
			line[x] = above[x] + row
		}
	}
	return into
}

// blob is a connected part of the foreground, in pixels of the small frame.
type blob struct{ x, y, w, h, area int }
