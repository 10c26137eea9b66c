package face_test

import (
	"fmt"
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
	dev, err := face.ReadPairs(strings.NewReader("2\nA_B\t1\t12\nA_B\t2\t3\nA_B\t1\tC_D\t4\nC_D\t1\tE\t2\n"))
	if err != nil || dev.Folds != 0 || dev.Announced != 4 || len(dev.Pairs) != 4 || !dev.Pairs[1].Same || dev.Pairs[2].Same {
		t.Fatalf("development list: %+v, %v", dev, err)
	}
	if dev.Pairs[0].B != (face.Picture{Name: "A_B", Number: 12}) || dev.Pairs[3].B != (face.Picture{Name: "E", Number: 2}) {
		t.Errorf("pictures %v, %v", dev.Pairs[0].B, dev.Pairs[3].B)
	}
	list, err := face.ReadPairs(strings.NewReader("\ufeff2\t1\r\nA\t1\t2\r\nA\t1\tB\t4\r\n\r\nC\t1\t2\r\nC\t1\tB\t4\r\n"))
	if err != nil || list.Folds != 2 || list.Pairs[1].Fold != 0 || list.Pairs[2].Fold != 1 {
		t.Errorf("list with folds: %+v, %v", list, err)
	}
	for _, bad := range []string{"", "x y z\n", "1\nA\t1\n", "1\n../x\t1\t2\n", "1\nA\t1\t../x\t2\n", "1\nA\t-1\t2\n", "1\n..\t1\t2\n", "x\t1\nA\t1\t2\n", "0\nA\t1\t2\n", "A\t1\t2\n3\n"} {
		if _, err := face.ReadPairs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestAListIsWhatItsHeaderSaysOrHasNoFolds(t *testing.T) {
	cut, err := face.ReadPairs(strings.NewReader("10\t300\nA\t1\t2\nA\t1\tB\t2\n"))
	if err != nil || cut.Folds != 0 || cut.Announced != 6000 || len(cut.Pairs) != 2 {
		t.Errorf("a list cut short: %+v, %v; want 2 pairs of 6000 announced, no folds", cut, err)
	}
	var whole strings.Builder
	whole.WriteString("10\t300\n")
	for fold := range 10 {
		for i := range 300 {
			fmt.Fprintf(&whole, "P_%d\t%d\t%d\n", fold, i, i+1)
		}
		for i := range 300 {
			fmt.Fprintf(&whole, "P_%d\t%d\tQ_%d\t%d\n", fold, i, fold, i)
		}
	}
	list, err := face.ReadPairs(strings.NewReader(whole.String()))
	if err != nil || list.Folds != 10 || len(list.Pairs) != 6000 {
		t.Fatalf("the standard form: %d pairs in %d folds, %v", len(list.Pairs), list.Folds, err)
	}
	for i, p := range list.Pairs {
		if p.Fold != i/600 || p.Same != (i%600 < 300) || p.A.Name != fmt.Sprintf("P_%d", i/600) {
			t.Fatalf("pair %d is %+v", i, p)
		}
	}
	none, err := face.ReadPairs(strings.NewReader("A\t1\t2\n"))
	if err != nil || none.Announced != 0 || len(none.Pairs) != 1 {
		t.Errorf("without a header: %+v, %v", none, err)
	}
}

func TestNamesMayHaveBlanksAndDiacritics(t *testing.T) {
	list, err := face.ReadPairs(strings.NewReader("1\nNguyễn Văn Thử\t1\t2\nNguyễn Văn Thử\t1\tĐỗ, Thị Mẫu\t3\n"))
	if err != nil || list.Pairs[0].B != (face.Picture{Name: "Nguyễn Văn Thử", Number: 2}) || list.Pairs[1].B != (face.Picture{Name: "Đỗ, Thị Mẫu", Number: 3}) || list.Pairs[1].Same {
		t.Errorf("with tabs: %+v, %v", list.Pairs, err)
	}
	for _, apart := range []string{"1\nA_B 1 2\nA_B 1 C 3\n", "1\nA_B,1,2\nA_B,1,C,3\n", "1,,\nA_B,1,2,\nA_B,1,C,3\n"} {
		list, err := face.ReadPairs(strings.NewReader(apart))
		if err != nil || len(list.Pairs) != 2 || list.Pairs[1].B != (face.Picture{Name: "C", Number: 3}) {
			t.Errorf("%q: %+v, %v", apart, list.Pairs, err)
		}
	}
}

func FuzzReadPairs(f *testing.F) {
	f.Add("10\t300\nA\t1\t2\nA\t1\tB\t2\n")
	f.Add("500\nA\t1\t2\n")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := face.ReadPairs(strings.NewReader(s))
		if err == nil && (len(list.Pairs) == 0 || list.Folds < 0 || list.Folds > len(list.Pairs)) {
			t.Errorf("%d pairs, %d folds, no error", len(list.Pairs), list.Folds)
		}
	})
}
