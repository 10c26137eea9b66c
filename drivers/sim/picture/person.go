package picture

import (
	"math/rand/v2"
)

// person is what makes an invented face its own. Lengths are in head units:
// half a face is about 0.78 wide, the chin lies near y = 1.05, the eyes near
// y = -0.05, y grows downwards.
type person struct {
	seed              uint64
	width, jaw, chin  float64 // half width at the cheeks; how much the jaw narrows; y of the chin
	eyeX, eyeY        float64 // centre of an eye
	eyeW, eyeH        float64 // half axes of the opening
	eyeTilt, lid      float64
	browY, browThick  float64
	browTilt, browLen float64
	noseLen, noseW    float64
	noseUp            float64
	mouthY, mouthW    float64
	smile             float64
	lipUp, lipLow     float64
	cheek             float64
	skin, lip, hair   rgb
	iris, shirt       rgb
	hairline, fringe  float64 // y where the hair begins; how far it falls to one side
	part              float64
	long              bool // hair behind the neck
	collar            bool
	stubble           float64
	glasses           bool
}

// newPerson invents somebody. Seeds alternate between two builds, so that
// neighbouring seeds do not look like relatives.
//
//go:norace
func newPerson(seed int64) *person {
	r := rand.New(rand.NewPCG(uint64(seed), 0x7472616d)) //nolint:gosec // drawing, not security
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	female := seed%2 == 0
	p := &person{
		seed:  uint64(seed),
		width: in(0.68, 0.90), jaw: in(0.06, 0.40), chin: in(0.98, 1.12),
		eyeX: in(0.265, 0.39), eyeY: in(-0.14, 0.06),
		eyeW: in(0.12, 0.185), eyeH: in(0.040, 0.085), eyeTilt: in(-0.10, 0.18), lid: in(0.3, 1),
		browY: in(0.145, 0.26), browThick: in(0.018, 0.062), browTilt: in(-0.2, 0.10), browLen: in(0.17, 0.27),
		noseLen: in(0.32, 0.50), noseW: in(0.085, 0.19), noseUp: in(0.10, 0.2),
		mouthW: in(0.19, 0.36), lipUp: in(0.038, 0.07), lipLow: in(0.055, 0.09), smile: in(0.008, 0.03),
		cheek:    in(0.01, 0.08),
		hairline: in(-0.80, -0.58), fringe: in(-0.25, 0.25), part: in(-0.4, 0.4),
		long: female, collar: r.IntN(2) == 0,
	}
	p.mouthY = p.eyeY + p.noseLen + in(0.20, 0.33)
	tone := in(0, 1)
	p.skin = mix(rgb{0.93, 0.76, 0.65}, rgb{0.58, 0.40, 0.29}, tone)
	p.hair = mix(rgb{0.07, 0.055, 0.05}, rgb{0.17, 0.11, 0.08}, in(0, 1))
	p.iris = mix(rgb{0.13, 0.08, 0.05}, rgb{0.26, 0.16, 0.09}, in(0, 1))
	p.lip = mix(p.skin, rgb{0.66, 0.25, 0.25}, in(0.35, 0.5))
	p.shirt = mix(rgb{in(0.1, 0.9), in(0.1, 0.9), in(0.1, 0.9)}, rgb{0.9, 0.9, 0.95}, in(0.2, 0.9))
	if female {
		p.browThick *= 0.75
		p.eyeH *= 1.15
		p.width *= 0.96
		p.lip = mix(p.lip, rgb{0.75, 0.2, 0.25}, 0.35)
	} else {
		p.browThick *= 1.25
		p.stubble = max(0, in(-0.4, 0.9)) // most have none
		p.mouthW *= 1.06
		p.glasses = r.IntN(4) == 0
	}
	return p
}

// halfWidth is the face's half width at height y.
//
//go:norace
func (p *person) halfWidth(y float64) float64 {
	const top = -1.12
	if y < top || y > p.chin {
		return 0
	}
	// Above the cheeks half an ellipse, below them one that the jaw pulls in.
	const cheekY = -0.05
	if y < cheekY {
		t := (cheekY - y) / (cheekY - top)
		return p.width * pow(1-pow(t, 2.3), 1/2.3)
	}
	t := (y - cheekY) / (p.chin - cheekY)
	w := pow(1-pow(t, 2.6), 1/2.0)
	return p.width * w * (1 - p.jaw*t*(1-0.35*t))
}
