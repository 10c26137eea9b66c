package camera

import (
	"slices"
	"testing"
)

func TestNamesAreComparedByTheirNumbers(t *testing.T) {
	want := []string{"0.jpg", "00.jpg", "01.jpg", "1.jpg", "2.jpg", "10.jpg", "99999999999999999999.jpg", "100000000000000000000.jpg", "a.jpg", "a1b2.jpg", "a1b10.jpg", "a01b11.jpg"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, byNumber)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, a := range want {
		for _, b := range want {
			if byNumber(a, b) != -byNumber(b, a) || (byNumber(a, b) == 0) != (a == b) {
				t.Errorf("%q and %q: %d and %d", a, b, byNumber(a, b), byNumber(b, a))
			}
		}
	}
}
