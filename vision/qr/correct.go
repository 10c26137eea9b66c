package qr

import (
	"math"
	"slices"
)

// The field of the codes' error correction, GF(256) with x⁸+x⁴+x³+x²+1 (ISO/IEC 18004 §7.5.2).
var (
	gfPower [510]byte // of 2
	gfLog   [256]int
)

func init() {
	x := 1
	for i := range 255 {
		gfPower[i], gfPower[i+255] = byte(x), byte(x)
		gfLog[x] = i
		if x <<= 1; x > 255 {
			x ^= 0x11D
		}
	}
}

func gfTimes(a, b byte) byte {
	if a == 0 || b == 0 {
		return 0
	}
	return gfPower[gfLog[a]+gfLog[b]]
}

// gfOver is a/b; b is not zero.
func gfOver(a, b byte) byte {
	if a == 0 {
		return 0
	}
	return gfPower[gfLog[a]+255-gfLog[b]]
}

// mostCheck is the most check codewords that a block has.
const mostCheck = 30

// syndromes is zero for a word without errors.
//
//go:norace
func syndromes(word []byte, check int) (s [mostCheck]byte, clean bool) {
	clean = true
	for i := range check {
		var v byte
		for _, c := range word {
			if v != 0 {
				v = gfPower[gfLog[v]+i]
			}
			v ^= c
		}
		s[i] = v
		clean = clean && v == 0
	}
	return s, clean
}

// polynomial holds its coefficients from the lowest degree on.
type polynomial [mostCheck + 1]byte

// correct repairs a Reed–Solomon word whose last check codewords are the redundant ones. The places in lost
// are not believed: each costs one check codeword, an error elsewhere two. It returns how many codewords it
// changed outside of lost.
//
//go:norace
func correct(word []byte, check int, lost []int) (errors int, ok bool) {
	s, clean := syndromes(word, check)
	if clean {
		return 0, true
	}
	locator, degree := locate(&s, len(word), check, lost)
	if degree > check || 2*degree-len(lost) > check {
		return 0, false
	}
	var evaluator polynomial
	for i := range check {
		for j := range min(i, degree) + 1 {
			evaluator[i] ^= gfTimes(locator[j], s[i-j])
		}
	}
	roots := 0
	for at := range word {
		change, root, ok := errorAt(&locator, &evaluator, len(word)-1-at, degree, check)
		if !ok {
			return 0, false
		}
		if root {
			roots++
		}
		if change != 0 {
			word[at] ^= change
			if !slices.Contains(lost, at) {
				errors++
			}
		}
	}
	if _, clean = syndromes(word, check); roots != degree || !clean {
		return 0, false
	}
	return errors, true
}

// locate finds the polynomial whose roots are the places of the errors in a word of n codewords
// (Berlekamp–Massey), beginning with those that are lost (Blahut 1983, §7.5).
//
//go:norace
func locate(s *[mostCheck]byte, n, check int, lost []int) (locator polynomial, degree int) {
	locator[0] = 1
	for k, at := range lost {
		x := gfPower[(n-1-at)%255]
		for i := k + 1; i > 0; i-- {
			locator[i] ^= gfTimes(locator[i-1], x)
		}
	}
	shifted := locator
	degree = len(lost)
	for r := len(lost); r < check; r++ {
		var differs byte
		for i := range r + 1 {
			differs ^= gfTimes(locator[i], s[r-i])
		}
		copy(shifted[1:], shifted[:check])
		shifted[0] = 0
		if differs == 0 {
			continue
		}
		before := locator
		for i := range locator {
			locator[i] ^= gfTimes(differs, shifted[i])
		}
		if 2*degree <= r+len(lost) {
			degree = r + 1 + len(lost) - degree
			for i := range shifted {
				shifted[i] = gfOver(before[i], differs)
			}
		}
	}
	return locator, degree
}

// errorAt is by how much the codeword of a power of x is wrong (Forney), and whether the locator has a root
// there; not ok where it has a double one.
//
//go:norace
func errorAt(locator, evaluator *polynomial, power, degree, check int) (change byte, root, ok bool) {
	back := (255 - power%255) % 255
	var value, slope, size byte
	for i := range degree + 1 {
		value ^= gfTimes(locator[i], gfPower[back*i%255])
		if i%2 == 1 {
			slope ^= gfTimes(locator[i], gfPower[back*(i-1)%255])
		}
	}
	if value != 0 {
		return 0, false, true
	}
	if slope == 0 {
		return 0, true, false
	}
	for i := range check {
		size ^= gfTimes(evaluator[i], gfPower[back*i%255])
	}
	return gfTimes(gfPower[power%255], gfOver(size, slope)), true, true
}

// leastTrust is how unlikely it must be, in bits, that a block of anything would have been repaired as well.
// It leaves out what the standard leaves out (ISO/IEC 18004 §7.5.1, misdecode protection of the small versions).
const leastTrust = 28

// trust is how unlikely it is, in bits, that a word of anything is repaired with so many lost and so many
// errors.
func trust(n, check, lost, errors int) float64 {
	bits := 8 * float64(check-lost-errors)
	for i := range errors {
		bits -= math.Log2(float64(n-lost-i) / float64(i+1))
	}
	return bits
}
