package face

import (
	"errors"
	"math"
)

// Side is the width and height of an aligned face in pixels.
const Side = 112

// template is where the five points lie in an aligned face; the layout that
// ArcFace and its descendants were trained with.
var template = [5]Point{{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}

// ErrPoints is five points that no face has.
var ErrPoints = errors.New("face: its five points lie in one place")

// Align returns the 2×3 matrix, row by row, of the turn, scale and shift that
// bring the points closest to the template (least squares; Umeyama 1991 without reflection).
func Align(p [5]Point) ([6]float64, error) {
	var pm, tm Point
	for i := range p {
		pm.X += p[i].X / 5
		pm.Y += p[i].Y / 5
		tm.X += template[i].X / 5
		tm.Y += template[i].Y / 5
	}
	var a, b, norm float64
	for i := range p {
		x, y := p[i].X-pm.X, p[i].Y-pm.Y
		u, v := template[i].X-tm.X, template[i].Y-tm.Y
		a += x*u + y*v
		b += x*v - y*u
		norm += x*x + y*y
	}
	if !(norm > 1) || math.IsInf(norm, 0) {
		return [6]float64{}, ErrPoints
	}
	a, b = a/norm, b/norm
	return [6]float64{a, -b, tm.X - a*pm.X + b*pm.Y, b, a, tm.Y - b*pm.X - a*pm.Y}, nil
}

// ScaleOf is how many pixels of the aligned face one pixel of the picture becomes.
func ScaleOf(a [6]float64) float64 { return math.Hypot(a[0], a[3]) }

// Roll is how far the head is tilted in the picture, in radians.
func (f Face) Roll() float64 {
	return math.Atan2(f.Points[1].Y-f.Points[0].Y, f.Points[1].X-f.Points[0].X)
}

// Upright is the matrix that brings the face, wide pixels wide and its eyes level,
// into the middle of a square of side pixels.
func (f Face) Upright(wide float64, side int) [6]float64 {
	sin, cos := math.Sincos(-f.Roll())
	k := wide / f.W
	a := [6]float64{k * cos, -k * sin, 0, k * sin, k * cos, 0}
	x, y := f.X+f.W/2, f.Y+f.H/2
	a[2] = float64(side)/2 - a[0]*x - a[1]*y
	a[5] = float64(side)/2 - a[3]*x - a[4]*y
	return a
}

// Back is where a point was before a, a turn with a scale and a shift.
func Back(a [6]float64, q Point) Point {
	n := a[0]*a[0] + a[3]*a[3]
	x, y := q.X-a[2], q.Y-a[5]
	return Point{(a[0]*x + a[3]*y) / n, (a[0]*y - a[3]*x) / n}
}

// Tensor writes an aligned face, Side×Side pixels of blue, green and red, into the
// embedding network's input: planes of red, green and blue, normalised as it was trained.
func Tensor(out []float32, bgr []byte) {
	const n = Side * Side
	if len(out) < 3*n || len(bgr) < 3*n {
		return
	}
	r, g, b := out[:n], out[n:2*n], out[2*n:3*n]
	for i := range n {
		r[i], g[i], b[i] = normal[0][bgr[3*i+2]], normal[1][bgr[3*i+1]], normal[2][bgr[3*i]]
	}
}

// normal is what the network was trained to see for each value of red, green and blue.
var normal = func() (table [3][256]float32) {
	mean := [3]float32{0.485, 0.456, 0.406}
	deviation := [3]float32{0.229, 0.224, 0.225}
	for c := range table {
		for v := range table[c] {
			table[c][v] = (float32(v)/255 - mean[c]) / deviation[c]
		}
	}
	return table
}()

// Quality says from 0 to 1 how fit a face is for a comparison: looking straight,
// large, surely found. sharpness is the variance of the Laplacian of the aligned face.
func Quality(f Face, sharpness float64) float64 {
	eyes := math.Hypot(f.Points[1].X-f.Points[0].X, f.Points[1].Y-f.Points[0].Y)
	if eyes <= 0 {
		return 0
	}
	// The nose of a face that looks straight lies between the eyes.
	middle := (f.Points[0].X + f.Points[1].X) / 2
	turn := math.Abs(f.Points[2].X-middle) / eyes
	straight := math.Max(0, 1-1.6*turn)
	size := math.Min(1, eyes/50)
	sharp := math.Min(1, sharpness/150)
	return f.Score * straight * (0.4 + 0.6*size) * (0.5 + 0.5*sharp)
}

// Turn is how far the nose lies from the middle of the eyes, in eye distances,
// above 0 to the picture's right.
func (f Face) Turn() float64 {
	eyes := math.Hypot(f.Points[1].X-f.Points[0].X, f.Points[1].Y-f.Points[0].Y)
	if eyes <= 0 {
		return 0
	}
	return (f.Points[2].X - (f.Points[0].X+f.Points[1].X)/2) / eyes
}
