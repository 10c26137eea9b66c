package face

import "math"

// patch is a part of an aligned face.
type patch struct{ left, top, right, bottom int }

var (
	nosebridge = patch{50, 44, 62, 58}
	cheeks     = [2]patch{{24, 68, 40, 82}, {72, 68, 88, 82}}
	mouth      = patch{42, 84, 70, 104}
	eyePatches = [2]patch{{30, 46, 46, 58}, {66, 46, 82, 58}}
)

// Where good photographs end (the outermost half percent of 388 of LFW, as they are
// and enlarged) and covered ones go on, measured with drawn masks and glasses.
const (
	otherColour = 18.0 // of cheeks and mouth, from the skin between the eyes, in Cr and Cb
	darkMouth   = 0.42 // brightness of the mouth, of that skin's
	darkCheeks  = 0.65
	lightMouth  = 1.50
	lightCheeks = 1.25
	plainMouth  = 0.07 // deviation of the mouth's brightness, of its mean: lips and shade give more
	darkEyes    = 0.30 // brightness of the lighter eye, of the cheeks'
	plainEyes   = 0.09 // as plainMouth, with eyes that are darker than usual
	duskyEyes   = 0.42
)

// Covered reports whether mouth and cheeks, or both eyes, of an aligned face (Side×Side
// pixels of blue, green and red) look like cloth or dark glass: of another colour or
// brightness than the skin between the eyes, or without anything that a mouth or an eye
// has. A mask of the skin's colour with folds, clear glasses and a hat are not seen.
func Covered(bgr []byte) bool {
	if len(bgr) < 3*Side*Side {
		return false
	}
	skin, lips := nosebridge.tone(bgr), mouth.tone(bgr)
	left, right := cheeks[0].tone(bgr), cheeks[1].tone(bgr)
	cheek := tone{(left.y + right.y) / 2, (left.cr + right.cr) / 2, (left.cb + right.cb) / 2, 0}
	one, other := eyePatches[0].tone(bgr), eyePatches[1].tone(bgr)
	eyes, eyeSpread := math.Max(one.y, other.y)/(cheek.y+1), math.Max(one.spread, other.spread)/(cheek.y+1)
	switch mouthLight, cheekLight := lips.y/(skin.y+1), cheek.y/(skin.y+1); {
	case cheek.colourFrom(skin) > otherColour && lips.colourFrom(skin) > otherColour,
		mouthLight < darkMouth && cheekLight < darkCheeks,
		mouthLight > lightMouth && cheekLight > lightCheeks,
		lips.spread/(lips.y+1) < plainMouth:
		return true
	}
	return eyes < darkEyes || eyes < duskyEyes && eyeSpread < plainEyes
}

// tone is the mean brightness and colour of a patch, and how much the brightness varies.
type tone struct{ y, cr, cb, spread float64 }

func (t tone) colourFrom(o tone) float64 { return math.Hypot(t.cr-o.cr, t.cb-o.cb) }

func (p patch) tone(bgr []byte) tone {
	var t tone
	var squares float64
	for y := p.top; y < p.bottom; y++ {
		for x := p.left; x < p.right; x++ {
			i := 3 * (y*Side + x)
			b, g, r := float64(bgr[i]), float64(bgr[i+1]), float64(bgr[i+2])
			light := 0.299*r + 0.587*g + 0.114*b
			t.y += light
			t.cr += 0.713 * (r - light)
			t.cb += 0.564 * (b - light)
			squares += light * light
		}
	}
	n := float64((p.right - p.left) * (p.bottom - p.top))
	t.y, t.cr, t.cb = t.y/n, t.cr/n, t.cb/n
	t.spread = math.Sqrt(math.Max(0, squares/n-t.y*t.y))
	return t
}
