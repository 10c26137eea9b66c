package cv

import (
	"image"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/sim/picture"
)

func TestWipeOverwritesAPictureBeforeItsMemoryIsGivenBack(t *testing.T) {
	m, err := decodePicture(picture.PortraitJPEG(1))
	if err != nil {
		t.Fatal(err)
	}
	shared := m.Region(image.Rect(0, 0, m.Cols(), m.Rows())) // the same memory, kept alive
	defer shared.Close()
	wipe(&m)
	for i, v := range shared.ToBytes() {
		if v != 0 {
			t.Fatalf("byte %d is %d after the wipe, want 0", i, v)
		}
	}
	empty := gocv.NewMat()
	wipe(&empty)
}
