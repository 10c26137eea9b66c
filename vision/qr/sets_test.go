package qr_test

import (
	"bytes"
	"image"
	stddraw "image/draw"
	_ "image/jpeg"
	_ "image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tram/testdata"
	"tram/vision/qr"
	"tram/vision/qr/qrtest"
)

// grey loads a picture.
func grey(t testing.TB, file string) *image.Gray {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	out := image.NewGray(img.Bounds())
	stddraw.Draw(out, out.Bounds(), img, img.Bounds().Min, stddraw.Src)
	return out
}

func TestCodesOnCardsHeldByHandAreRead(t *testing.T) {
	for seed := range uint64(6) {
		shot := qrtest.Card(seed + 1)
		got, err := qr.Find(shot.Picture, forEver)
		if err != nil || len(got) != 1 || string(got[0].Bytes) != shot.Text {
			t.Errorf("seed %d (version %d, %.1f pixels a module): %d codes, %v; want the one that was drawn", seed+1, shot.Version, shot.Module, len(got), err)
		}
	}
}

// All are read; the text file of one lacks a letter that is in its code.
// The better of ZBar 0.23 and zxing-cpp 1.4 reads 20, 33, 42, 36, 19 and 15 of these.
func TestTheZXingSetsAreRead(t *testing.T) {
	root := testdata.Shared(t, "qr/zxing")
	for set, want := range map[string]int{"qrcode-1": 20, "qrcode-2": 34, "qrcode-3": 42, "qrcode-4": 48, "qrcode-5": 19, "qrcode-6": 15} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			files, _ := filepath.Glob(filepath.Join(root, set, "*.png"))
			read := 0
			for _, file := range files {
				text, err := os.ReadFile(strings.TrimSuffix(file, ".png") + ".txt")
				if err != nil {
					text, _ = os.ReadFile(strings.TrimSuffix(file, ".png") + ".bin")
				}
				got, err := qr.Find(grey(t, file), forEver)
				if err != nil {
					t.Errorf("%s: %v", filepath.Base(file), err)
				}
				if slices.ContainsFunc(got, func(c qr.Code) bool { return strings.TrimSpace(c.Text) == strings.TrimSpace(string(text)) }) {
					read++
				} else if len(got) > 0 && filepath.Base(file) != "13.png" { // its text file lacks a letter that is in the code
					t.Errorf("%s: read %q, want %q", filepath.Base(file), got[0].Text, text)
				}
			}
			if read < want {
				t.Errorf("%d of %d read, want %d", read, len(files), want)
			}
		})
	}
}

func TestNothingIsReadWhereNoCodeIs(t *testing.T) {
	root := testdata.Shared(t, "qr/zxing")
	files, _ := filepath.Glob(filepath.Join(root, "falsepositives*", "*.png"))
	others, _ := filepath.Glob(filepath.Join(root, "inverted", "datamatrix*.png"))
	if len(files) < 40 {
		t.Fatalf("%d pictures without a code, want the two sets", len(files))
	}
	for _, file := range append(files, others...) {
		if got, err := qr.Find(grey(t, file), forEver); err != nil || len(got) != 0 {
			t.Errorf("%s: %d codes, %v; want none", filepath.Base(file), len(got), err)
		}
	}
}

func TestNothingIsReadInPrintAndNoise(t *testing.T) {
	for seed := range uint64(1) {
		if got, err := qr.Find(qrtest.Empty(seed), forEver); err != nil || len(got) != 0 {
			t.Errorf("print, seed %d: %d codes, %v; want none", seed, len(got), err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // drawing, not security
	for _, cell := range []int{1, 2, 3, 5} {
		img := image.NewGray(image.Rect(0, 0, 400, 300))
		for i := range img.Pix {
			if x, y := i%400, i/400; x%cell == 0 && y%cell == 0 {
				img.Pix[i] = byte(255 * r.IntN(2))
			} else {
				img.Pix[i] = img.Pix[y/cell*cell*400+x/cell*cell]
			}
		}
		if got, err := qr.Find(img, forEver); err != nil || len(got) != 0 {
			t.Errorf("noise of %d pixels: %d codes, %v; want none", cell, len(got), err)
		}
	}
}

func TestSeveralCodesInOnePictureAreRead(t *testing.T) {
	got, err := qr.Find(grey(t, filepath.Join(testdata.Shared(t, "qr/zxing"), "multi-qrcode-1", "1.png")), forEver)
	if err != nil || len(got) != 4 {
		t.Fatalf("%d codes, %v; want 4", len(got), err)
	}
	for i, c := range got {
		for _, d := range got[:i] {
			if c.Text == d.Text || c.Corners == d.Corners {
				t.Errorf("codes %q and %q at %v and %v are the same one", c.Text, d.Text, c.Corners, d.Corners)
			}
		}
	}
}

func TestASheetOfCodesIsReadWhole(t *testing.T) {
	const across, side, gap = 4, 150, 190
	sheet := image.NewGray(image.Rect(0, 0, across*gap+60, across*gap+60))
	stddraw.Draw(sheet, sheet.Rect, image.White, image.Point{}, stddraw.Src)
	var want []string
	for i := range across * across {
		text := "sheet 099099 number " + string(rune('a'+i))
		want = append(want, text)
		at := image.Pt(20+gap*(i%across), 20+gap*(i/across))
		stddraw.Draw(sheet, image.Rectangle{at, at.Add(image.Pt(side+40, side+40))}, code(t, text, side, false), image.Point{}, stddraw.Src)
	}
	texts, err := qr.Decode(sheet)
	slices.Sort(texts)
	if err != nil || !slices.Equal(texts, want) {
		t.Errorf("got %q, %v; want %d codes", texts, err, len(want))
	}
}
