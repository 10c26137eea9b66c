package qrtest

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// handlings are the ways in which a card is held badly, each one more of it than Card has.
var handlings = map[string]func(*rand.Rand, *scene){
	"turned": func(r *rand.Rand, s *scene) { // to any angle, half of them standing on a corner
		s.rot = turn(between(r, -0.2, 0.2), between(r, -0.2, 0.2), between(r, 0, 2*math.Pi))
		if r.IntN(2) == 0 {
			s.rot = turn(0, 0, math.Pi/4+math.Pi/2*float64(r.IntN(4)))
		}
		s.scale = max(s.scale, 2.4)
	},
	"slanted": func(r *rand.Rand, s *scene) { // by 29 to 40 degrees, seen from near
		sin, cos := math.Sincos(between(r, 0, 2*math.Pi))
		slant := between(r, 0.5, 0.7)
		s.rot = turn(slant*cos, slant*sin, between(r, -0.3, 0.3))
		s.focal = between(r, 2.2, 4) * float64(s.n)
		s.scale = max(s.scale, 3)
	},
	"bent": func(r *rand.Rand, s *scene) {
		s.bend = between(r, 0.05, 0.12)
		if r.IntN(2) == 0 {
			s.bend = -s.bend
		}
		s.bendAlong = between(r, 0, math.Pi)
		s.scale = max(s.scale, 2.6)
	},
	"defocused": func(r *rand.Rand, s *scene) {
		s.scale = max(s.scale, 2.5)
		s.defocus, s.noise = between(r, 0.4, 0.55)*s.scale, between(r, 1, 4)
	},
	"smeared": func(r *rand.Rand, s *scene) {
		s.scale = max(s.scale, 2.8)
		s.defocus, s.noise = 0.5, between(r, 1, 4)
		s.smear, s.smearAlong = between(r, 0.9, 1.6)*s.scale, between(r, 0, math.Pi)
	},
	"glaring": func(r *rand.Rand, s *scene) { s.glare = between(r, 120, 240) },
	"shadowed": func(r *rand.Rand, s *scene) {
		s.shadow, s.shadowAlong = between(r, 0.5, 0.75), between(r, 0, 2*math.Pi)
		s.noise = between(r, 1, 5)
	},
	"dark":  func(r *rand.Rand, s *scene) { s.exposure, s.noise = between(r, 0.18, 0.3), between(r, 1, 2.5) },
	"noisy": func(r *rand.Rand, s *scene) { s.noise, s.scale = between(r, 14, 24), max(s.scale, 2.6) },
	"inky":  func(r *rand.Rand, s *scene) { s.spread, s.scale = between(r, 0.15, 0.3), max(s.scale, 2.6) },
	"pale":  func(r *rand.Rand, s *scene) { s.spread, s.scale = between(r, -0.25, -0.1), max(s.scale, 2.6) },
}

// Handlings names the ways in which Held holds a card badly.
func Handlings() []string { return slices.Sorted(maps.Keys(handlings)) }

// Held draws one 1280×720 picture of a card that is held in the named way.
func Held(how string, seed uint64) Shot {
	return shoot(rand.New(rand.NewPCG(seed, 0x68656c64)), handlings[how]) //nolint:gosec // drawing, not security
}
