// Package qr reads QR codes in pictures: small, blurred, tilted, unevenly lit, light
// on dark, mirrored, several at once.
//
// The way from the picture to the bytes:
//
//   - Lines over the picture find the 1:1:3:1:1 of finder patterns (edges.go, finder.go),
//     at full size and at smaller ones.
//   - Three that may be corners give a version and, with the alignment pattern at the
//     fourth, a perspective; it is moved until everything that is fixed in a code of that
//     version (finders, timing and alignment patterns) fits best (locate.go, layout.go).
//   - The modules are sampled, and the blur between neighbours is undone by the mix that
//     tells light from dark best where it is known beforehand (sample.go). A card that is
//     bent moves its alignment patterns, and the samples with them (bend.go). Where that is not
//     enough, the mix is learnt anew from what was read, between the modules too (sharpen.go).
//   - The codewords are repaired, those in doubt left out (words.go, correct.go), and gozxing decodes
//     (decode.go). What the segments hold is in content.go.
//
// The bytes are returned as they are in the code. What they mean is not decided here:
// codes on identity cards hold UTF-8 without saying so, which other readers take for
// other character sets.
//
// The functions that run once per pixel or module share nothing and are kept out of
// the race detector (go:norace), which would make them ten times as slow.
package qr

import (
	"errors"
	"image"
	"slices"
	"time"
)

// ErrTooLarge is a picture with more than MaxPixels.
var ErrTooLarge = errors.New("QR code: picture is too large")

// MaxPixels bounds the picture that is searched.
const MaxPixels = 40_000_000

// patience bounds the search in a picture that nobody waits for.
const patience = 2 * time.Second

// Code is a QR code that was read.
type Code struct {
	Bytes []byte // what it holds, byte for byte; UTF-8 where the code itself names a character set
	Text  string // Bytes when they are UTF-8, else what they most likely mean
	// Corners are the places of the code's corners in the picture, in pixels: the one between
	// the other two finders, then clockwise as printed.
	Corners [4]image.Point
}

// Decode returns the texts of the QR codes in a grey picture; none is no error and
// gives no text.
func Decode(img *image.Gray) ([]string, error) {
	codes, err := Find(img, patience)
	var texts []string
	for _, c := range codes {
		texts = append(texts, c.Text)
	}
	return texts, err
}

// Find returns the QR codes in a grey picture. It starts nothing new when the budget is
// used up; what it has begun by then takes a few milliseconds more.
func Find(img *image.Gray, budget time.Duration) ([]Code, error) {
	codes, _, err := find(img, budget, place{}, 0)
	return codes, err
}

// A Reader reads codes in the pictures of a camera, one after the other. What the budget
// of one picture left untried is where the search of the next begins: a difficult
// surrounding costs pictures, never a stall. The zero Reader begins at the beginning.
type Reader struct{ next place }

// place is how far a search came.
type place struct{ level, triple int }

// Find is the package's Find that goes on where the last picture's search ended.
func (r *Reader) Find(img *image.Gray, budget time.Duration) ([]Code, error) {
	codes, next, err := find(img, budget, r.next, 1)
	r.next = next
	return codes, err
}

// find searches from a place on. However late it is, it tries so many of what it finds.
func find(img *image.Gray, budget time.Duration, from place, least int) ([]Code, place, error) {
	b := img.Bounds()
	if b.Dx()*b.Dy() > MaxPixels {
		return nil, place{}, ErrTooLarge
	}
	if b.Dx() < 21 || b.Dy() < 21 {
		return nil, place{}, nil
	}
	s := &search{until: time.Now().Add(budget), from: from, least: least}
	next := s.run(planeOf(img).lit())
	return s.codes, next, nil
}

// search is the work on one picture.
type search struct {
	until    time.Time
	from     place // where the last picture's search ended
	least    int   // attempts before it may be late
	tried    int   // triples of the level under way, those skipped among them
	attempts int   // triples that were really tried
	codes    []Code
	used     []point // the finders of the codes that were read on this level
	stood    float64 // how much the faintest of them stood out
}

func (s *search) late() bool { return time.Now().After(s.until) }
func (s *search) done() bool { return len(s.codes) > 0 || s.late() }

const (
	largePixels = 3_000_000 // beyond, half the size shows all that a code of a readable size has
	smallPixels = 300_000   // below, there is time to look closer
	quietPx     = 12
	// rowStep is how many rows apart finders are looked for: the middle of one is three modules high, which
	// is six rows at the two pixels a module that can be read at all.
	rowStep = 4
	// halvings is how many sizes are searched, each half of the one before.
	halvings = 4
)

// run searches one size after the other, from the one where the last search ended,
// and returns where this one did: the beginning when nothing was left untried.
func (s *search) run(full *plane) place {
	p, scale := full, 1.0
	if p.w*p.h > largePixels {
		p, scale = p.halved(), 2
	}
	sizes := []*plane{p}
	more := func(k int) bool { // makes the sizes up to k, where the picture is large enough
		for len(sizes) <= k && k < halvings && min(sizes[len(sizes)-1].w, sizes[len(sizes)-1].h) >= 120 {
			sizes = append(sizes, sizes[len(sizes)-1].halved())
		}
		return k < len(sizes)
	}
	first := s.from.level
	if !more(first) {
		first, s.from = 0, place{}
	}
	for k, again := first, false; ; k++ {
		if !more(k) {
			if again || first == 0 {
				break
			}
			k, again = 0, true
		}
		if again && k == first {
			break
		}
		whole := s.level(sizes[k], scale*float64(int(1)<<k), 0)
		switch {
		case len(s.codes) > 0:
			return place{}
		case !whole:
			return place{level: k, triple: s.tried}
		case s.late():
			return place{level: k + 1}
		}
		s.from.triple = 0
	}
	if full.w*full.h > smallPixels {
		return place{}
	}
	// A picture of nothing but the code lacks the light margin that its finders need.
	full = full.framed(quietPx)
	if s.level(full, 1, quietPx); !s.done() {
		s.level(full.doubled(), 0.5, quietPx)
	}
	return place{} // such small pictures are no camera's
}

// level searches one scale: a pixel of p is scale pixels of the picture, which begins at shift. It reports
// whether it tried all that it found there.
func (s *search) level(p *plane, scale, shift float64) bool {
	s.tried, s.used, s.stood = 0, nil, 0
	sc := scan{p: p}
	sc.rows(rowStep)
	var dark, light []finder
	for _, f := range sc.found {
		if f.light {
			f.light = false
			light = append(light, f)
		} else {
			dark = append(dark, f)
		}
	}
	before := len(s.codes)
	whole := s.among(&sc, dark, false)
	if whole && len(light) >= 3 && len(s.codes) == 0 {
		whole = s.among(&scan{p: p.inverted()}, light, true)
	}
	for i := before; i < len(s.codes); i++ {
		for k := range s.codes[i].Corners {
			c := &s.codes[i].Corners[k]
			c.X, c.Y = int(float64(c.X)*scale-shift), int(float64(c.Y)*scale-shift)
		}
	}
	return whole
}

const (
	mostFinders = 24 // of one picture, those that most lines met
	mostTriples = 14
	// mostRanked is how many of them are looked at more closely to find those.
	mostRanked   = 120
	mostVersions = 3
	// leastBeside is how much the finders of a second code must stand out in a picture where one was read: what
	// noise and texture show is far below.
	leastBeside = 0.3
)

// among reads the codes whose finders are among those found, light ones of an inverted
// picture or dark ones. It reports whether it tried them all.
func (s *search) among(sc *scan, found []finder, light bool) bool {
	before := len(s.codes)
	rest := found
	for {
		n := len(s.codes)
		if !s.each(sc, sc.triples(best(rest, mostFinders), mostTriples)) {
			return false
		}
		if len(s.codes) == n {
			break
		}
		// A sheet of codes has more finders than are looked at together.
		rest = slices.DeleteFunc(slices.Clone(rest), func(f finder) bool {
			return slices.ContainsFunc(s.used, func(u point) bool { return u.distance(f.point()) < 3*f.module() }) || f.score < leastBeside*s.stood
		})
	}
	// Guessing is for what is held before a camera; print is full of light squares.
	return len(s.codes) > before || light || s.each(sc, sc.guesses(found))
}

// each reads the codes whose corners are listed, until it is late.
func (s *search) each(sc *scan, list []triple) bool {
	for _, t := range list {
		if s.tried < s.from.triple {
			s.tried++
			continue // the last picture's search came that far
		}
		if s.late() && s.attempts >= s.least {
			return false
		}
		s.tried++
		s.attempts++
		corners := []point{t.tl.point(), t.tr.point(), t.bl.point()}
		faint := min(t.tl.score, t.tr.score, t.bl.score)
		if faint < leastBeside*s.stood || slices.ContainsFunc(corners, func(c point) bool { return slices.Contains(s.used, c) }) {
			continue
		}
		if c, ok := s.try(sc, &t); ok {
			s.codes = append(s.codes, c)
			s.used = append(s.used, corners...)
			s.stood = max(s.stood, faint)
		}
	}
	return true
}

func (s *search) try(sc *scan, t *triple) (Code, bool) {
	versions := sc.versions(t)
	for _, v := range versions[:min(len(versions), mostVersions)] {
		for _, p := range sc.poses(t, v) {
			if b, text, ok := s.read(sc, &p); ok {
				return Code{Bytes: b, Text: text, Corners: p.corners()}, true
			}
		}
		if s.late() {
			break
		}
	}
	return Code{}, false
}

func (s *search) read(sc *scan, p *pose) (content []byte, text string, ok bool) {
	likely := p.likely(sc.p)
	if !likely && p.plan.version < 3 {
		return nil, "", false // few bits of error correction: noise would be read in the end
	}
	g := sc.sample(p, nil)
	// Light is levelled over a wide surrounding; in a patch of glare, over a narrow one.
	for _, around := range [...]int{5, 2} {
		level := g.level(around)
		for _, v := range [...][]float64{g.equalise(level), level} {
			if content, text, ok = p.plan.read(g.side, v); ok {
				return content, text, true
			}
			if !likely || !p.plan.promises(g.side, v) {
				return nil, "", false
			}
		}
	}
	shift := sc.bend(p)
	if shift != nil {
		g = sc.sample(p, shift)
	}
	v := g.equalise(g.level(5))
	if shift != nil {
		if content, text, ok = p.plan.read(g.side, v); ok {
			return content, text, true
		}
	}
	return p.plan.read(g.side, sc.sharpen(p, g, shift, v))
}
