package picture

import (
	"image"
	"math"
	"sync"
)

// look is how a person is taken: the camera and the light.
type look struct {
	width, height  int
	cx, cy, scale  float64 // pixel of the head's origin; pixels per head unit
	yaw, roll      float64 // radians
	nod            float64 // shift of what stands out, per unit of height, downwards
	light          [3]float64
	lamp, sky      float64
	cast           rgb
	back, backEdge rgb
	grain          float64
	blur           int
	seed           uint64

	sinYaw, cosYaw float64 // filled in by render
}

const (
	texScale  = 300 // texels per head unit
	texLeft   = -2.4
	texTop    = -1.5
	texWidth  = int(4.8 * texScale)
	texHeight = int(4.2 * texScale)
)

// layer is a painted height map over the head's plane.
type layer struct {
	at             []texel
	normal         [][3]float32
	left, top      float64
	columns, lines int
}

// newLayer samples f once per texel, on every core.
//
//go:norace
func newLayer(left, top float64, columns, lines int, f func(x, y float64) texel) *layer {
	l := &layer{at: make([]texel, columns*lines), normal: make([][3]float32, columns*lines), left: left, top: top, columns: columns, lines: lines}
	rows(lines, func(j int) { l.paintRow(j, f) })
	rows(lines, l.tiltRow)
	return l
}

// paintRow samples f along row j.
//
//go:norace
func (l *layer) paintRow(j int, f func(x, y float64) texel) {
	for i := range l.columns {
		l.at[j*l.columns+i] = f(l.left+(float64(i)+0.5)/texScale, l.top+(float64(j)+0.5)/texScale)
	}
}

// tiltRow takes the normals of row j from the heights around it.
//
//go:norace
func (l *layer) tiltRow(j int) {
	for i := range l.columns {
		dx := (l.tex(i+1, j).height - l.tex(i-1, j).height) * texScale / 2
		dy := (l.tex(i, j+1).height - l.tex(i, j-1).height) * texScale / 2
		n := 1 / math.Sqrt(dx*dx+dy*dy+1)
		l.normal[j*l.columns+i] = [3]float32{float32(-dx * n), float32(-dy * n), float32(n)}
	}
}

//go:norace
func (l *layer) tex(i, j int) *texel {
	i, j = min(max(i, 0), l.columns-1), min(max(j, 0), l.lines-1)
	return &l.at[j*l.columns+i]
}

// find returns the texel that a viewer at the look's angle sees at (u, v).
//
//go:norace
func (l *layer) find(u, v float64, k *look) (int, bool) {
	x, y := u, v
	for range 4 {
		i, j := l.index(x, y)
		if i < 0 {
			break
		}
		z := l.at[j*l.columns+i].height - 0.3
		x = (u - z*k.sinYaw) / k.cosYaw
		y = v - z*k.nod
	}
	i, j := l.index(x, y)
	if i < 0 {
		return 0, false
	}
	return j*l.columns + i, l.at[j*l.columns+i].cover > 0
}

//go:norace
func (l *layer) index(x, y float64) (int, int) {
	i, j := int((x-l.left)*texScale), int((y-l.top)*texScale)
	if i < 0 || j < 0 || i >= l.columns || j >= l.lines {
		return -1, -1
	}
	return i, j
}

// model is a person ready to be taken from several sides.
type model struct{ head, body *layer }

//go:norace
func (p *person) model() *model {
	return &model{
		head: newLayer(-1.2, texTop, int(2.4*texScale), int(3.2*texScale), p.shadedHeadAt),
		body: newLayer(texLeft, texTop, texWidth, texHeight, p.bodyAt),
	}
}

// lit is the colour of texel n under the look's light.
//
//go:norace
func (l *layer) lit(n int, k *look) rgb {
	t, m := &l.at[n], &l.normal[n]
	nx, ny, nz := float64(m[0]), float64(m[1]), float64(m[2])
	dot := nx*k.light[0] + ny*k.light[1] + nz*k.light[2]
	direct := max(0, dot*0.85+0.15)
	fill := 0.62 + 0.38*nz - 0.12*ny
	c := t.paint.mul((k.lamp*direct + k.sky*fill) * t.open)
	// Light that went through skin comes out redder where it fades.
	c.r *= 1 + 0.10*(1-direct)
	half := max(0, nx*k.light[0]*0.5+ny*k.light[1]*0.5+nz*(0.5+k.light[2]*0.5))
	s := t.gloss * gloss24(half) * k.lamp * 0.55 * t.open
	return c.plus(rgb{s, s, s})
}

// takeRow exposes line py of the picture.
//
//go:norace
func (m *model) takeRow(out []rgb, py int, k *look) {
	sin, cos := math.Sin(k.roll), math.Cos(k.roll)
	for px := range k.width {
		var sum rgb
		for s := range 4 {
			fx := (float64(px) + 0.25 + 0.5*float64(s&1) - k.cx) / k.scale
			fy := (float64(py) + 0.25 + 0.5*float64(s>>1) - k.cy) / k.scale
			sum = sum.plus(m.sample(fx*cos+fy*sin, fy*cos-fx*sin, px, py, k))
		}
		out[py*k.width+px] = sum.mul(0.25).times(k.cast)
	}
}

// gloss24 is v to the 24th: how sharp the shine on skin is.
//
//go:norace
func gloss24(v float64) float64 {
	v2 := v * v
	v4 := v2 * v2
	v8 := v4 * v4
	return v8 * v8 * v8
}

// render takes the picture with 2×2 samples a pixel.
//
//go:norace
func (m *model) render(k look) *image.RGBA {
	out := make([]rgb, k.width*k.height)
	k.sinYaw, k.cosYaw = math.Sincos(k.yaw)
	rows(k.height, func(py int) { m.takeRow(out, py, &k) })
	for range k.blur {
		out = soften(out, k.width, k.height)
	}
	return develop(out, k.width, k.height, k.grain, k.seed)
}

//go:norace
func (m *model) sample(x, y float64, px, py int, k *look) rgb {
	d := math.Hypot(float64(px)/float64(k.width)-0.5, float64(py)/float64(k.height)-0.4)
	c := mix(k.back, k.backEdge, step(0.1, 0.75, d))
	for _, l := range [2]*layer{m.body, m.head} {
		if n, ok := l.find(x, y, k); ok {
			c = mix(c, l.lit(n, k), l.at[n].cover)
		}
	}
	return c
}

// soften is one pass of a 1-2-1 filter both ways.
//
//go:norace
func soften(in []rgb, w, h int) []rgb {
	mid, out := make([]rgb, len(in)), make([]rgb, len(in))
	for y := range h {
		for x := range w {
			a, b, c := in[y*w+max(x-1, 0)], in[y*w+x], in[y*w+min(x+1, w-1)]
			mid[y*w+x] = a.plus(b.mul(2)).plus(c).mul(0.25)
		}
	}
	for y := range h {
		for x := range w {
			a, b, c := mid[max(y-1, 0)*w+x], mid[y*w+x], mid[min(y+1, h-1)*w+x]
			out[y*w+x] = a.plus(b.mul(2)).plus(c).mul(0.25)
		}
	}
	return out
}

// develop turns light into 8 bits with the sensor's grain.
//
//go:norace
func develop(in []rgb, w, h int, grainy float64, seed uint64) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			n := (grain(x, y, seed) + grain(x, y, seed+1) - 1) * grainy
			c := in[y*w+x]
			o := img.PixOffset(x, y)
			img.Pix[o], img.Pix[o+1], img.Pix[o+2], img.Pix[o+3] = byte8(c.r+n), byte8(c.g+n*0.9), byte8(c.b+n*1.1), 255
		}
	}
	return img
}

// byte8 rolls off highlights softly instead of clipping them.
//
//go:norace
func byte8(v float64) byte {
	if v > 0.85 {
		v = 0.85 + 0.15*(1-math.Exp(-(v-0.85)/0.15))
	}
	return byte(clamp(v, 0, 1)*255 + 0.5)
}

// rows calls f for each row, on two goroutines, and waits for both.
//
//go:norace
func rows(n int, f func(j int)) {
	var wg sync.WaitGroup
	for part := range 2 {
		wg.Go(func() {
			for j := part; j < n; j += 2 {
				f(j)
			}
		})
	}
	wg.Wait()
}
