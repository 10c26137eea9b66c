package face_test

import (
	"math"
	"strings"
	"testing"

	"tram/vision/face"
)

func TestTheErrorCurveOfAKnownSet(t *testing.T) {
	c := face.Measure([]face.Pair{{Score: 0.9, Same: true}, {Score: 0.8, Same: true}, {Score: 0.3, Same: true}, {Score: 0.4}, {Score: 0.2}, {Score: 0.1}})
	if c.Pairs != 6 || math.Abs(c.Accuracy-5.0/6) > 1e-9 || math.Abs(c.TARAtFAR001-2.0/3) > 1e-9 || c.Highest != 0.4 {
		t.Errorf("curve = %+v", c)
	}
}

func TestAFaceThatIsNotFoundIsAnError(t *testing.T) {
	c := face.Measure([]face.Pair{{Score: 0.9, Same: true}, {Same: true, Undetected: true}, {Score: 0.1}, {Undetected: true}})
	if c.Undetected != 2 || c.Accuracy != 0.5 || c.TARAtFAR001 != 0.5 {
		t.Errorf("curve = %+v, want half of everything", c)
	}
}

func TestFoldsAreJudgedByTheThresholdOfTheOthers(t *testing.T) {
	// Each fold is told apart by itself, but not by the threshold of the other.
	pairs := []face.Pair{{Score: 0.9, Same: true}, {Score: 0.8}, {Score: 0.3, Same: true, Fold: 1}, {Score: 0.2, Fold: 1}}
	if c := face.Measure(pairs); c.Folded != 0.5 {
		t.Errorf("accuracy by folds %g, want 0.5", c.Folded)
	}
}

func TestBothShapesOfLFWListsAreRead(t *testing.T) {
	dev, folds, err := face.ReadPairs(strings.NewReader("2\nA_B\t1\t12\nA_B\t2\t3\nA_B\t1\tC_D\t4\nC_D\t1\tE\t2\n"))
	if err != nil || folds != 0 || len(dev) != 4 || !dev[1].Same || dev[2].Same {
		t.Fatalf("development list: %v, %d folds, %v", dev, folds, err)
	}
	if dev[0].B != (face.Picture{Name: "A_B", Number: 12}) || dev[3].B != (face.Picture{Name: "E", Number: 2}) {
		t.Errorf("pictures %v, %v", dev[0].B, dev[3].B)
	}
	list, folds, err := face.ReadPairs(strings.NewReader("2\t1\r\nA\t1\t2\r\nA\t1\tB\t4\r\nC\t1\t2\r\nC\t1\tB\t4\r\n"))
	if err != nil || folds != 2 || list[1].Fold != 0 || list[2].Fold != 1 {
		t.Errorf("list with folds: %v, %d folds, %v", list, folds, err)
	}
	for _, bad := range []string{"", "x y z\n", "1\nA\t1\n", "1\n../x\t1\t2\n", "1\nA\t1\t../x\t2\n", "1\nA\t-1\t2\n"} {
		if _, _, err := face.ReadPairs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzReadPairs(f *testing.F) {
	f.Add("10\t300\nA\t1\t2\nA\t1\tB\t2\n")
	f.Add("500\nA\t1\t2\n")
	f.Fuzz(func(t *testing.T, s string) {
		list, folds, err := face.ReadPairs(strings.NewReader(s))
		if err == nil && (len(list) == 0 || folds < 0) {
			t.Errorf("%d pairs, %d folds, no error", len(list), folds)
		}
	})
}
