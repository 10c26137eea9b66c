package picture

import "math"

// headAt is the front layer: ears, face, and the hair that frames it.
//
//go:norace
func (p *person) headAt(x, y float64) texel {
	t := p.faceAt(x, y)
	if ear := p.earAt(x, y); ear.cover > t.cover {
		if t.cover > 0 {
			ear.paint = mix(ear.paint, t.paint, t.cover)
		}
		t = ear
	}
	p.hairOver(&t, x, y)
	return t
}

//go:norace
func (p *person) earAt(x, y float64) texel {
	ax := math.Abs(x)
	w := p.halfWidth(p.eyeY + 0.1)
	d := oval(ax, y, w+0.015, p.eyeY+0.13, 0.085, 0.19)
	t := texel{cover: step(0.012, -0.012, d), height: 0.15 + 0.4*max(0, -d), open: 0.75, gloss: 0.1, paint: p.skin.times(rgb{0.98, 0.86, 0.84})}
	t.paint = t.paint.mul(1 - 0.3*bell(ax, y, w+0.02, p.eyeY+0.12, 0.03, 0.09))
	return t
}

// shadedHeadAt is headAt with what the hair keeps of the light.
//
//go:norace
func (p *person) shadedHeadAt(x, y float64) texel {
	t := p.headAt(x, y)
	t.open *= p.shadeOfHair(x, y)
	return t
}

// hairOver lays the hair of the skull and of the forehead over t.
//
//go:norace
func (p *person) hairOver(t *texel, x, y float64) {
	// The skull with hair is a little larger than the head.
	const skullTop = -1.27
	w := p.width + 0.07
	skull := oval(x, y, 0, -0.35, w, -0.35-skullTop)
	if y > -0.35 {
		skull = math.Abs(x) - w*(1-0.10*(y+0.35))
	}
	// The hairline: an arch over the forehead that falls to the temples.
	u := x / p.width
	line := p.hairline + 0.55*pow(math.Abs(u), 3) + p.fringe*0.5*(u-p.part)*(1-u*u)
	line += 0.03 * (noise(x*22, 1, p.seed+5) - 0.5)
	sideburn := p.eyeY + 0.05
	if p.long {
		sideburn = 1.6
		line = min(line, 3)
	}
	front := max(skull, y-line)
	if au := math.Abs(u); au > 0.86 {
		// Beside the face: down to the ears, or past them.
		beside := max(skull, y-sideburn)
		inner := p.halfWidth(clamp(y, -0.6, 0.35)) - math.Abs(x) - 0.02
		front = min(front, max(beside, inner))
	}
	cover := step(0.02, -0.02, front)
	if cover <= 0 {
		return
	}
	strands := noise((x-p.part*0.3)*38+y*6*math.Copysign(1, x-p.part*0.4), y*5, p.seed+11)
	fine := noise(x*120+y*20, y*10, p.seed+12)
	paint := p.hair.mul(0.6 + 0.8*strands + 0.35*fine)
	shine := 0.10 * bell(0, y, 0, -0.9+0.15*u*u, 1, 0.12) * (0.5 + strands)
	paint = paint.plus(rgb{shine, shine, shine * 1.1})
	height := 0.55*math.Sqrt(max(0, 1-pow(math.Abs(x)/w, 2.2))) + 0.12
	t.paint = mix(t.paint, paint, cover)
	t.height = lerp(t.height, height, cover)
	t.gloss = lerp(t.gloss, 0.05, cover)
	t.open = lerp(t.open, 0.95, cover)
	t.cover = max(t.cover, cover)
}

// shadeOfHair darkens the forehead just below the hair.
//
//go:norace
func (p *person) shadeOfHair(x, y float64) float64 {
	u := x / p.width
	line := p.hairline + 0.55*pow(math.Abs(u), 3) + p.fringe*0.5*(u-p.part)*(1-u*u)
	return 1 - 0.25*step(line+0.13, line, y)
}

// bodyAt is the layer behind the head: neck, shoulders, long hair.
//
//go:norace
func (p *person) bodyAt(x, y float64) texel {
	ax := math.Abs(x)
	t := texel{open: 1, gloss: 0.05}
	if p.long {
		d := oval(x, y, 0, 0.1, p.width+0.16, 1.38)
		if y > 0.1 {
			d = max(ax-(p.width+0.16)*(1-0.05*(y-0.1)), y-1.55-0.05*noise(x*14, 3, p.seed))
		}
		if cover := step(0.02, -0.02, d); cover > 0 {
			strands := noise(x*34, y*4, p.seed+21)
			t = texel{cover: cover, height: 0.1, open: 0.7, gloss: 0.03, paint: p.hair.mul(0.5 + 0.7*strands)}
		}
	}
	// Neck.
	neck := ax - (p.width*0.60 + 0.10*pow(clamp((y-1.1)/0.5, 0, 2), 2))
	if y > 0.6 {
		if cover := step(0.012, -0.012, neck); cover > 0 {
			under := 1 - 0.5*step(p.chin+0.42, p.chin-0.02, y+0.25*ax)
			paint := p.skin.times(rgb{0.97, 0.92, 0.90})
			t.paint = mix(t.paint, paint, cover)
			t.height = 0.35 * math.Sqrt(max(0, 1-pow(ax/(p.width*0.75), 2)))
			t.open, t.cover, t.gloss = under, max(t.cover, cover), 0.08
		}
	}
	p.shirtOver(&t, x, y)
	return t
}

//go:norace
func (p *person) shirtOver(t *texel, x, y float64) {
	ax := math.Abs(x)
	shoulder := y - (1.38 + 0.10*ax + 0.16*ax*ax + 0.25*pow(clamp(ax-1.2, 0, 2), 2))
	opening := 1.52 + 0.45*(1-clamp(ax/0.5, 0, 1))
	if p.collar {
		opening = 1.45 + 0.75*(1-clamp(ax/0.34, 0, 1))
	}
	d := min(shoulder, 10)
	if ax < 0.6 {
		d = min(d, y-opening)
	}
	cover := step(-0.012, 0.012, d)
	if cover <= 0 {
		return
	}
	fold := 0.93 + 0.14*noise(x*3, y*4, p.seed+31)
	paint := p.shirt.mul(fold)
	open := 1 - 0.2*step(0.08, 0, y-opening)*step(0.7, 0.5, ax)
	if p.collar && ax < 0.62 && y-opening < 0.2 {
		paint = paint.mul(1.08)
		open *= 1 - 0.25*bell(0, y-opening, 0, 0.2, 1, 0.02)
	}
	t.paint = mix(t.paint, paint, cover)
	t.height = lerp(t.height, 0.5*math.Sqrt(max(0, 1-pow(ax/2.2, 2)))+0.1*(y-1.4), cover)
	t.open = lerp(t.open, open, cover)
	t.gloss = lerp(t.gloss, 0.02, cover)
	t.cover = max(t.cover, cover)
}
