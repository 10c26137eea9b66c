package picture

import "math"

//go:norace
func pow(a, b float64) float64 {
	if a <= 0 {
		return 0
	}
	return math.Exp(b * math.Log(a))
}

// texel is one point of a head: how much of it there is, what colour it has
// without light, how far it stands out, how much of the sky reaches it.
type texel struct {
	cover, height, open, gloss float64
	paint                      rgb
}

// height is how far the face stands out at (x, y).
//
//go:norace
func (p *person) height(x, y float64) float64 {
	w := p.halfWidth(y)
	if w <= 0 {
		return 0
	}
	t := min(1, math.Abs(x)/w)
	round := math.Sqrt(max(0, 1-pow(t, 2.4)))
	vertical := math.Sqrt(max(0, 1-pow(math.Abs(y+0.03)/1.2, 2.6)))
	z := 0.72 * round * (0.35 + 0.65*vertical)
	ax := math.Abs(x)
	// Eye sockets, eyeballs, brow ridge.
	z -= 0.075 * bell(ax, y, p.eyeX-0.02, p.eyeY-0.01, 0.17, 0.085)
	z += 0.045 * bell(ax, y, p.eyeX, p.eyeY, 0.09, 0.06)
	z += 0.035 * bell(ax, y, p.eyeX, p.eyeY-p.browY, 0.2, 0.05)
	z += p.cheek * bell(ax, y, 0.46, p.eyeY+0.27, 0.17, 0.13)
	// The nose: a ridge that rises to its tip, and two wings.
	tip := p.eyeY + p.noseLen
	along := clamp((y-p.eyeY+0.1)/(tip-p.eyeY+0.1), 0, 1)
	if y > p.eyeY-0.2 {
		end := step(tip+0.09, tip+0.0, y)
		ridge := 0.04 + p.noseUp*0.8*along*along
		z += ridge * end * bell(x, 0, 0, 0, 0.065+0.04*along, 1) * step(p.eyeY-0.22, p.eyeY-0.02, y)
	}
	z += 0.07 * bell(ax, y, p.noseW*0.8, tip-0.01, 0.045, 0.05)
	// Lips, the dent below them, the chin.
	z += 0.05 * bell(x, y, 0, p.mouthY-0.01, p.mouthW*0.9, 0.11)
	z += 0.032 * bell(x, y, 0, p.mouthY-p.lipUp*0.6, p.mouthW*0.6, p.lipUp*0.7)
	z += 0.042 * bell(x, y, 0, p.mouthY+p.lipLow*0.6, p.mouthW*0.55, p.lipLow*0.6)
	z -= 0.035 * bell(x, y, 0, p.mouthY+p.lipLow+0.07, 0.16, 0.035)
	z += 0.05 * bell(x, y, 0, p.chin-0.12, 0.17, 0.1)
	z -= 0.012 * bell(x, y, 0, p.mouthY-0.11, 0.025, 0.05)
	return z
}

// faceAt paints the face at (x, y): the skin and what lies on it.
//
//go:norace
func (p *person) faceAt(x, y float64) texel {
	w := p.halfWidth(y)
	t := texel{height: p.height(x, y), open: 1, gloss: 0.12}
	edge := math.Abs(x) - w
	if y > p.chin-0.08 {
		edge = max(edge, y-p.chin)
	}
	t.cover = step(0.012, -0.012, edge)
	if w <= 0 {
		t.cover = 0
	}
	if t.cover == 0 {
		return t
	}
	ax := math.Abs(x)
	skin := p.skin
	skin = skin.mul(0.97 + 0.06*noise(x*9, y*9, p.seed))
	skin = mix(skin, skin.times(rgb{1.06, 0.84, 0.80}), 0.6*bell(ax, y, 0.43, p.eyeY+0.33, 0.16, 0.13))
	skin = mix(skin, skin.times(rgb{1.03, 0.86, 0.82}), 0.7*bell(x, y, 0, p.eyeY+p.noseLen, 0.11, 0.08))
	skin = mix(skin, skin.times(rgb{0.80, 0.72, 0.72}), 0.55*bell(ax, y, p.eyeX, p.eyeY+0.02, 0.17, 0.085))
	beard := p.stubble * step(p.mouthY-0.25, p.mouthY-0.1, y) * (0.6 + 0.4*noise(x*60, y*60, p.seed+3))
	skin = mix(skin, rgb{0.25, 0.22, 0.22}, beard*0.5)
	t.paint = skin
	t.open *= 1 - 0.35*step(-0.10, 0.0, edge)
	p.paintNose(&t, x, y)
	p.paintMouth(&t, x, y)
	p.paintEye(&t, x, y)
	p.paintBrow(&t, x, y)
	if p.glasses {
		p.paintGlasses(&t, x, y)
	}
	return t
}

//go:norace
func (p *person) paintNose(t *texel, x, y float64) {
	ax := math.Abs(x)
	tip := p.eyeY + p.noseLen
	nostril := step(0.012, -0.012, oval(ax, y, p.noseW*0.52, tip+0.045, p.noseW*0.30, 0.02))
	t.paint = mix(t.paint, rgb{0.16, 0.07, 0.05}, 0.8*nostril)
	t.open *= 1 - 0.35*bell(ax, y, p.noseW*0.5, tip+0.06, p.noseW*0.6, 0.03)
	t.open *= 1 - 0.22*bell(ax, y, p.noseW*1.12, tip-0.01, 0.025, 0.05)
	// The fold from the nose to the corner of the mouth.
	along := clamp((y-tip)/(p.mouthY-tip+0.04), 0, 1)
	foldX := lerp(p.noseW*1.15, p.mouthW*1.12, along)
	if y > tip-0.03 && y < p.mouthY+0.05 {
		t.open *= 1 - 0.10*bell(ax, 0, foldX, 0, 0.03, 1)*step(0, 0.3, along)*step(1, 0.6, along)
	}
}

//go:norace
func (p *person) paintMouth(t *texel, x, y float64) {
	u := x / p.mouthW
	if math.Abs(u) > 1.3 {
		return
	}
	round := math.Sqrt(max(0, 1-u*u))
	line := p.mouthY - p.smile*u*u - 0.006*math.Cos(u*5)*round
	bow := 1 - 0.28*math.Exp(-u*u*60) + 0.15*math.Exp(-(math.Abs(u)-0.22)*(math.Abs(u)-0.22)*60)
	top := line - p.lipUp*pow(round, 1.3)*bow
	low := line + p.lipLow*pow(round, 0.9)
	in := step(top-0.008, top+0.010, y) * step(low+0.010, low-0.012, y) * step(1.02, 0.96, math.Abs(u))
	colour := p.lip
	if y < line {
		colour = colour.mul(0.82)
	}
	t.paint = mix(t.paint, colour, 0.88*in)
	t.gloss += 0.25 * in
	t.paint = mix(t.paint, rgb{0.22, 0.07, 0.07}, 0.85*bell(0, y, 0, line, 1, 0.009)*step(1.06, 0.9, math.Abs(u)))
	t.open *= 1 - 0.22*bell(x, y, 0, low+0.035, p.mouthW*0.55, 0.02)
	t.open *= 1 - 0.3*bell(math.Abs(x), y, p.mouthW*1.02, p.mouthY-p.smile, 0.025, 0.02)
}

// paintEye paints both eyes, mirrored at x = 0.
//
//go:norace
func (p *person) paintEye(t *texel, x, y float64) {
	side := 1.0
	if x < 0 {
		side = -1
	}
	dx := x*side - p.eyeX
	dy := y - p.eyeY + dx*p.eyeTilt
	u := dx / p.eyeW
	round := pow(1-u*u, 0.75)
	top, low := -p.eyeH*1.12*round, p.eyeH*0.78*round
	// The crease of the lid, the shadow below the eye.
	crease := -p.eyeH*1.12*pow(1-u*u*0.7, 0.8) - 0.035 - 0.02*p.lid
	t.open *= 1 - 0.3*p.lid*bell(u, dy, 0, crease, 0.75, 0.010)
	t.open *= 1 - 0.15*bell(u, dy, 0, p.eyeH+0.035, 0.7, 0.015)
	if math.Abs(u) < 1 {
		in := step(top-0.006, top+0.006, dy) * step(low+0.006, low-0.006, dy)
		eye := rgb{0.86, 0.84, 0.82}.mul(1 - 0.35*step(top+0.05, top, dy) - 0.25*u*u)
		ball := math.Hypot(x-side*p.eyeX+0.004, dy+0.006)
		radius := 0.066
		iris := mix(p.iris.mul(0.5), p.iris.mul(1.5), clamp(0.5+6*dy, 0, 1))
		eye = mix(eye, iris, step(radius+0.006, radius-0.008, ball))
		eye = mix(eye, rgb{0.02, 0.02, 0.02}, step(0.032, 0.024, ball))
		eye = mix(eye, rgb{1.2, 1.2, 1.2}, step(0.017, 0.008, math.Hypot(x-side*p.eyeX+0.022, dy+0.026)))
		inner := math.Hypot(dx+p.eyeW*0.93, dy)
		eye = mix(eye, rgb{0.70, 0.42, 0.38}, 0.7*step(0.03, 0.01, inner))
		t.paint = mix(t.paint, eye, in)
		t.gloss = lerp(t.gloss, 0.5, in)
	}
	// Lashes: a dark line on the upper lid, a faint one on the lower.
	if math.Abs(u) < 1.08 {
		fade := step(1.08, 0.9, math.Abs(u))
		thick := 0.010 + 0.006*clamp(u, 0, 1)
		if p.long {
			thick *= 1.4
		}
		t.paint = mix(t.paint, rgb{0.06, 0.04, 0.04}, 0.92*fade*bell(0, dy, 0, top, 1, thick))
		t.paint = mix(t.paint, p.skin.times(rgb{0.55, 0.42, 0.40}), 0.6*fade*bell(0, dy, 0, low, 1, 0.007))
	}
}

//go:norace
func (p *person) paintBrow(t *texel, x, y float64) {
	side := 1.0
	if x < 0 {
		side = -1
	}
	u := (x*side - p.eyeX - 0.01) / p.browLen
	if math.Abs(u) > 1.2 {
		return
	}
	centre := p.eyeY - p.browY - p.browTilt*0.25*u + 0.045*u*u
	thick := p.browThick * (1 - 0.55*clamp(u, 0, 1)) * step(1.15, 0.7, math.Abs(u))
	if thick <= 0 {
		return
	}
	d := (y - centre) / thick
	hairs := 0.55 + 0.45*noise(x*side*70+y*60, y*14, p.seed+9)
	t.paint = mix(t.paint, p.hair.plus(rgb{0.03, 0.02, 0.02}), 0.92*hairs*step(1.25, 0.45, math.Abs(d)))
}

//go:norace
func (p *person) paintGlasses(t *texel, x, y float64) {
	ax := math.Abs(x)
	d := oval(ax, y, p.eyeX+0.01, p.eyeY+0.03, 0.235, 0.185)
	frame := bell(d, 0, 0, 0, 0.013, 1)
	if ax < p.eyeX-0.2 {
		frame = max(frame, bell(0, y, 0, p.eyeY-0.03, 1, 0.014))
	}
	if ax > p.eyeX+0.24 {
		frame = max(frame, bell(0, y, 0, p.eyeY-0.02, 1, 0.016))
	}
	t.paint = mix(t.paint, rgb{0.10, 0.09, 0.10}, 0.9*frame)
}
