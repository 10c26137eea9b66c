package qr_test

import (
	"testing"

	"tram/vision/qr"
	"tram/vision/qr/qrtest"
)

// Two of each. Nine in ten are read; the benchmark counts them.
func TestCardsThatAreHeldBadlyAreRead(t *testing.T) {
	seeds := map[string][2]uint64{
		"bent": {3, 4}, "dark": {3, 4}, "defocused": {1, 2}, "glaring": {1, 2}, "inky": {1, 2}, "noisy": {1, 3},
		"pale": {1, 2}, "shadowed": {1, 2}, "slanted": {2, 3}, "smeared": {4, 5}, "turned": {2, 5},
	}
	for _, how := range qrtest.Handlings() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			for _, seed := range seeds[how] {
				shot := qrtest.Held(how, seed)
				got, err := qr.Find(shot.Picture, forEver)
				if err != nil || len(got) != 1 || string(got[0].Bytes) != shot.Text {
					t.Errorf("seed %d (version %d, %.1f pixels a module): %d codes, %v; want the one that was drawn", seed, shot.Version, shot.Module, len(got), err)
				}
			}
		})
	}
}

// A finger that covers a corner leaves two finders.
func TestACodeOfWhichACornerIsCoveredIsRead(t *testing.T) {
	const text = "099099000017||Nguyễn Văn Thử|01011999|Nam|Số 1, Phường Thử|01012022"
	for corner := range 3 {
		img := code(t, text, 300, false)
		n := img.Rect.Dx()
		const covered = 92 // the finder lies between 59 and 101
		for y := range covered {
			for x := range covered {
				at := [3][2]int{{x, y}, {n - 1 - x, y}, {x, n - 1 - y}}[corner]
				img.Pix[at[1]*img.Stride+at[0]] = 120
			}
		}
		if got, err := qr.Find(img, forEver); err != nil || len(got) != 1 || got[0].Text != text {
			t.Errorf("corner %d covered: %d codes, %v; want the one that was drawn", corner, len(got), err)
		}
	}
}
