// Package qrtest draws QR codes as a camera sees them on a card held by hand: tilted,
// blurred, with glare and noise. Everything comes from a seed; nobody's data is in it.
package qrtest

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// Shot is one picture and what the code in it says.
type Shot struct {
	Picture *image.Gray
	Text    string
	Module  float64 // pixels a module
	Version int
}

var streets = []string{"Số 1 Đường Mẫu", "Thôn Thử Nghiệm", "Tổ dân phố 3", "Khu phố Ví Dụ", "Buôn Mẫu", "Số 12/3 Đường Thử"}
var wards = []string{"Phường Mẫu", "Xã Thử Nghiệm", "Phường Ví Dụ", "Xã Mẫu Một"}
var names = []string{"Nguyễn Văn Thử", "Trần Thị Mẫu", "Lê Hoàng Ví Dụ", "Phạm Thị Thử Nghiệm", "Đặng Quốc Mẫu"}

// Content invents what a card's code says, 170 to 230 bytes.
func Content(r *rand.Rand) string {
	for {
		id := fmt.Sprintf("%03d%d%02d%06d", 97+r.IntN(3), r.IntN(4), r.IntN(100), r.IntN(1_000_000))
		old := ""
		if r.IntN(2) == 0 {
			old = fmt.Sprintf("%09d", r.IntN(1_000_000))
		}
		sex := [2]string{"Nam", "Nữ"}[r.IntN(2)]
		s := fmt.Sprintf("%s|%s|%s|%02d%02d%d|%s|%s, %s, Huyện Mẫu, Tỉnh Mẫu|%02d%02d%d", id, old, names[r.IntN(len(names))], 1+r.IntN(28), 1+r.IntN(12), 1950+r.IntN(60), sex,
			streets[r.IntN(len(streets))], wards[r.IntN(len(wards))], 1+r.IntN(28), 1+r.IntN(12), 2021+r.IntN(4))
		for len(s) < 170 {
			s = s[:len(s)-9] + ", " + streets[r.IntN(len(streets))] + s[len(s)-9:]
		}
		if r.IntN(3) == 0 {
			s += "||||"
		}
		if len(s) <= 230 {
			return s
		}
	}
}

// Empty draws the same kind of picture without a code: the card's print, glare and noise.
func Empty(seed uint64) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 0x656d7074)) //nolint:gosec // drawing, not security
	return expose(r, 2+2*r.Float64(), 53, func(x, y int) bool { return (x/9+y/3)%5 == 0 }, nil)
}

// Card draws one 1280×720 picture.
func Card(seed uint64) Shot {
	return shoot(rand.New(rand.NewPCG(seed, 0x71725)), nil) //nolint:gosec // drawing, not security
}

func shoot(r *rand.Rand, handle func(*rand.Rand, *scene)) Shot {
	text := Content(r)
	level := decoder.ErrorCorrectionLevel_M
	if r.IntN(2) == 0 {
		level = decoder.ErrorCorrectionLevel_L
	}
	code, err := encoder.Encoder_encode(text, level, nil) // UTF-8 that does not say so, as on the cards
	if err != nil {
		panic(err)
	}
	m := code.GetMatrix()
	n := m.GetWidth()
	s := Shot{Text: text, Module: 2 + 2*r.Float64(), Version: code.GetVersion().GetVersionNumber()}
	s.Picture = expose(r, s.Module, n, func(x, y int) bool { return m.Get(x, y) == 1 }, handle)
	return s
}

// scene is how the card lies before the camera and in the light.
type scene struct {
	n                   int
	dark                func(x, y int) bool
	rot                 [3][3]float64
	scale, focal        float64 // pixels a module at the code's middle; distance in modules
	cx, cy              float64
	lightX, lightY      float64
	ink, paper, table   float64
	quiet, cardW, cardH float64
	cardX, cardY        float64
	lines               [][4]float64

	// Below, zero is nothing of it, or what expose makes of it.
	bend           float64 // how deep the card is bent over the code's width, in widths
	bendAlong      float64 // radians
	spread         float64 // how far the ink ran beyond its module, in modules; below zero it did not reach the edge
	shadow         float64 // the part of the light that is gone beside a line through the code
	shadowAlong    float64 // radians
	exposure       float64 // how bright the picture is
	defocus, smear float64 // sigma and length, in pixels
	smearAlong     float64 // radians
	glare, noise   float64 // grey levels
}

//go:norace
func expose(r *rand.Rand, module float64, n int, dark func(x, y int) bool, handle func(*rand.Rand, *scene)) *image.Gray {
	const w, h = 1280, 720
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	sc := scene{n: n, dark: dark, scale: module, focal: in(3.5, 6) * float64(n), ink: in(20, 60), paper: in(150, 215), table: in(40, 150)}
	size := module * float64(n)
	sc.cx, sc.cy = in(size*0.9, w-size*0.9), in(size*0.9, h-size*0.9)
	sc.rot = turn(in(-0.45, 0.45), in(-0.45, 0.45), in(-0.5, 0.5)+math.Pi/2*float64(r.IntN(4))*float64(r.IntN(2)))
	sc.lightX, sc.lightY = in(-0.3, 0.3), in(-0.3, 0.3)
	sc.quiet = in(2, 4)
	sc.cardW, sc.cardH = 4.6*float64(n), 2.9*float64(n)
	sc.cardX, sc.cardY = in(-0.2, 2.5)*float64(n), in(-0.2, 0.9)*float64(n)
	for range 40 { // print beside the code
		x, y := in(-4, 4)*float64(n), in(-3, 3)*float64(n)
		sc.lines = append(sc.lines, [4]float64{x, y, x + in(0.1, 1.2)*float64(n), y + in(0.4, 2)})
	}
	if handle != nil {
		handle(r, &sc)
	}
	img := make([]float64, w*h)
	for y := range h {
		for x := range w {
			sum, fine := sc.at(float64(x)+0.5, float64(y)+0.5)
			if fine {
				sum = 0
				for k := range 9 {
					v, _ := sc.at(float64(x)+(float64(k%3)+0.5)/3, float64(y)+(float64(k/3)+0.5)/3)
					sum += v / 9
				}
			}
			img[y*w+x] = sum
		}
	}
	sigma := in(0.35, 1.15) * math.Sqrt(sc.scale/3)
	if sc.defocus > 0 {
		sigma = sc.defocus
	}
	img = blur(img, w, h, sigma)
	if sc.smear > 0 {
		img = motion(img, w, h, sc.smearAlong, sc.smear)
	} else if r.IntN(3) == 0 {
		img = motion(img, w, h, in(0, math.Pi), in(1, 2.2)*sc.scale/2.5)
	}
	gx, gy, gr, ga := sc.cx+in(-0.8, 0.8)*size, sc.cy+in(-0.8, 0.8)*size, in(0.15, 0.5)*size, sc.glare
	if r.IntN(2) == 0 && ga == 0 {
		ga = in(30, 170)
	}
	noise := in(2, 11)
	if sc.noise > 0 {
		noise = sc.noise
	}
	exposure := 1.0
	if sc.exposure > 0 {
		exposure = sc.exposure
	}
	out := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range img {
		x, y := float64(i%w), float64(i/w)
		d := math.Hypot(x-gx, y-gy) / gr
		v = (v+ga*math.Exp(-d*d))*exposure + noise*r.NormFloat64()
		out.Pix[i] = byte(min(max(v, 0), 255))
	}
	return out
}

func turn(a, b, c float64) (m [3][3]float64) {
	sa, ca := math.Sincos(a)
	sb, cb := math.Sincos(b)
	s, k := math.Sincos(c)
	return [3][3]float64{
		{cb * k, -cb * s, sb},
		{sa*sb*k + ca*s, -sa*sb*s + ca*k, -sa * cb},
		{-ca*sb*k + sa*s, ca*sb*s + sa*k, ca * cb},
	}
}

// at is the light from the scene at pixel (px, py), and whether it has detail there.
//
//go:norace
func (s *scene) at(px, py float64) (light float64, fine bool) {
	// The ray through the pixel meets the card's plane.
	x, y := (px-s.cx)/s.scale, (py-s.cy)/s.scale
	dx, dy, dz := x/s.focal, y/s.focal, 1.0
	r := &s.rot
	nx, ny, nz := r[0][2], r[1][2], r[2][2]
	t := s.focal * nz / (dx*nx + dy*ny + dz*nz)
	qx, qy, qz := dx*t, dy*t, dz*t-s.focal
	u := qx*r[0][0] + qy*r[1][0] + qz*r[2][0]
	v := qx*r[0][1] + qy*r[1][1] + qz*r[2][1]
	if s.bend != 0 {
		u, v = s.bent(dx, dy)
	}
	light = 1 + s.lightX*(px/1280-0.5)*2 + s.lightY*(py/720-0.5)*2
	if s.shadow > 0 {
		sin, cos := math.Sincos(s.shadowAlong)
		light *= 1 - s.shadow/(1+math.Exp(-(x*cos+y*sin)/2))
	}
	half := float64(s.n) / 2
	i, j := int(math.Floor(u+half)), int(math.Floor(v+half))
	if i >= 0 && j >= 0 && i < s.n && j < s.n {
		if s.inked(u+half, v+half, i, j) {
			return s.ink * light, true
		}
		return s.paper * light, true
	}
	if abs(u) < half+s.quiet && abs(v) < half+s.quiet {
		return s.paper * light, true
	}
	if abs(u-s.cardX) < s.cardW/2 && abs(v-s.cardY) < s.cardH/2 {
		for _, l := range s.lines {
			if u > l[0] && u < l[2] && v > l[1] && v < l[3] && int(u*1.1)%3 != 0 {
				return s.ink * 1.6 * light, false
			}
		}
		return (s.paper - 18 + 8*math.Sin(u*0.9+math.Sin(v*0.5)*2)) * light, false
	}
	return (s.table + 15*math.Sin(u*0.21)*math.Sin(v*0.17)) * light, false
}

// bent is where the ray in direction (dx, dy, 1) meets the card when it is bent round a line.
//
//go:norace
func (s *scene) bent(dx, dy float64) (u, v float64) {
	r := &s.rot
	radius := float64(s.n) / (8 * s.bend)
	sin, cos := math.Sincos(s.bendAlong)
	depth, along := 0.0, 0.0
	for range 4 { // the depth depends on where, and where on the depth
		t := (s.focal*r[2][2] + depth) / (dx*r[0][2] + dy*r[1][2] + r[2][2])
		qx, qy, qz := dx*t, dy*t, t-s.focal
		u = qx*r[0][0] + qy*r[1][0] + qz*r[2][0]
		v = qx*r[0][1] + qy*r[1][1] + qz*r[2][1]
		along = u*cos + v*sin
		depth = min(max(along*along/(2*radius), -float64(s.n)/2), float64(s.n)/2)
	}
	across := v*cos - u*sin
	along *= 1 + along*along/(6*radius*radius) // the way on the card is longer than what is seen of it
	return along*cos - across*sin, along*sin + across*cos
}

// inked tells whether ink is at (u, v), which lies in module (i, j).
//
//go:norace
func (s *scene) inked(u, v float64, i, j int) bool {
	at := func(i, j int) bool { return i >= 0 && j >= 0 && i < s.n && j < s.n && s.dark(i, j) }
	if s.spread == 0 {
		return at(i, j)
	}
	// Ink that ran makes dark whatever is near a dark module; ink that did not, light what is near a light one.
	edge := abs(s.spread)
	for dj := -1; dj <= 1; dj++ {
		for di := -1; di <= 1; di++ {
			if x, y := int(math.Floor(u+float64(di)*edge)), int(math.Floor(v+float64(dj)*edge)); at(x, y) == (s.spread > 0) {
				return s.spread > 0
			}
		}
	}
	return s.spread < 0
}

func abs(v float64) float64 { return math.Abs(v) }

//go:norace
func blur(in []float64, w, h int, sigma float64) []float64 {
	k := make([]float64, 1+int(3*sigma+1))
	sum := 0.0
	for i := range k {
		k[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += k[i]
		if i > 0 {
			sum += k[i]
		}
	}
	pass := func(in []float64, step, count, lines, next int) []float64 {
		out := make([]float64, len(in))
		for l := range lines {
			o := l * next
			for i := range count {
				v := in[o+i*step] * k[0]
				for d := 1; d < len(k); d++ {
					v += k[d] * (in[o+max(i-d, 0)*step] + in[o+min(i+d, count-1)*step])
				}
				out[o+i*step] = v / sum
			}
		}
		return out
	}
	return pass(pass(in, 1, w, h, w), w, h, w, 1)
}

//go:norace
func motion(in []float64, w, h int, angle, length float64) []float64 {
	out := make([]float64, len(in))
	s, c := math.Sincos(angle)
	const n = 5
	for y := range h {
		for x := range w {
			v := 0.0
			for k := range n {
				t := (float64(k)/(n-1) - 0.5) * length
				fx, fy := min(max(float64(x)+t*c, 0), float64(w-2)), min(max(float64(y)+t*s, 0), float64(h-2))
				ix, iy := int(fx), int(fy)
				ax, ay := fx-float64(ix), fy-float64(iy)
				o := iy*w + ix
				v += (in[o]*(1-ax)+in[o+1]*ax)*(1-ay) + (in[o+w]*(1-ax)+in[o+w+1]*ax)*ay
			}
			out[y*w+x] = v / n
		}
	}
	return out
}
