package picture_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"tram/drivers/sim/picture"
)

func TestAPortraitIsDrawnTheSameAgainAndFitsAChip(t *testing.T) {
	a, b := picture.PortraitJPEG(1), picture.PortraitJPEG(1)
	if !bytes.Equal(a, b) {
		t.Error("two drawings of one seed differ")
	}
	if bytes.Equal(a, picture.PortraitJPEG(2)) {
		t.Error("two seeds give one portrait")
	}
	if len(a) < 8<<10 || len(a) > 32<<10 {
		t.Errorf("portrait is %d bytes, want 8 to 32 KiB", len(a))
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(a))
	if err != nil || c.Width != 360 || c.Height != 480 {
		t.Errorf("portrait is %d×%d, %v; want 360×480", c.Width, c.Height, err)
	}
}

func TestFramesAreWrittenInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "camera")
	if err := picture.WriteFrames(dir, picture.Visitor(1, 2)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"frame-0000.jpg", "frame-0001.jpg"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := jpeg.DecodeConfig(f)
		_ = f.Close()
		if err != nil || c.Width != 640 || c.Height != 480 {
			t.Errorf("%s is %d×%d, %v; want 640×480", name, c.Width, c.Height, err)
		}
	}
}

func TestAStreetBeginsEmptyAndFillsWithPeople(t *testing.T) {
	for seed := range int64(4) {
		s := picture.NewStreet(seed)
		if s.In < 1 || s.Out < 1 || s.Frames < 100 {
			t.Errorf("seed %d: in %d, out %d in %d frames", seed, s.In, s.Out, s.Frames)
		}
		if n := differing(s.Frame(0), s.Frame(5)); n > 1000 {
			t.Errorf("seed %d: %d pixels move in the empty street", seed, n)
		}
		if n := differing(s.Frame(0), s.Frame(45)); n < 2000 {
			t.Errorf("seed %d: only %d pixels differ with people in the street", seed, n)
		}
	}
}

func differing(a, b *image.RGBA) int {
	n := 0
	for i := range a.Pix {
		if d := int(a.Pix[i]) - int(b.Pix[i]); d > 40 || d < -40 {
			n++
		}
	}
	return n
}
