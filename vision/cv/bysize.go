package cv

import (
	"math"

	"tram/vision/people"
)

// bySize are the people of a frame as far as the size of what moves tells them:
// what is as large as a person is a person, what is as wide as two is two.
func (d *motion) bySize() ([]people.Detection, error) {
	mask, err := d.mask.DataPtrUint8()
	if err != nil {
		return nil, err
	}
	var found []people.Detection
	for _, b := range d.found {
		if b.area > d.w*d.h/3 {
			return nil, nil // the light or the camera changed, not the people
		}
		for _, p := range d.split(b, mask) {
			p.X, p.Y, p.W, p.H = p.X/d.k, p.Y/d.k, p.W/d.k, p.H/d.k
			found = append(found, p)
		}
	}
	return found, nil
}

// split says which people a blob is.
func (d *motion) split(b blob, mask []uint8) []people.Detection {
	w, h := d.w, d.h
	feet := float64(b.y + b.h)
	cut := b.x <= 1 || b.x+b.w >= w-1 || b.y <= 1 || b.y+b.h >= h-1
	aspect := float64(b.w) / float64(b.h)
	fill := float64(b.area) / float64(b.w*b.h)
	if !cut && b.h >= 14 && aspect > 0.22 && aspect < 0.62 && fill > 0.35 {
		d.size.learn(feet, float64(b.h))
	}
	want := float64(h) / 7 // before enough is known
	if d.size.known() {
		want = d.size.at(feet)
	}
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
