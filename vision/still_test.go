package vision_test

import (
	"bytes"
	"errors"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"tram/drivers/sim/picture"
	"tram/vision"
)

func TestAStillIsOnePictureAndHowTheCameraIs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"1.jpg", "2.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), picture.JPEG(picture.NewStreet(1).Frame(0), 80), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorker(t, vision.Options{Sources: []string{dir}})
	a, still, err := w.Still(context60(t), vision.StillQuestion{Source: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(still))
	if err != nil || c.Width != a.Report.Width || c.Height != a.Report.Height || c.Width == 0 {
		t.Errorf("a still of %d×%d, %v; the report says %s", c.Width, c.Height, err, a.Report)
	}
	if _, _, err := w.Still(context60(t), vision.StillQuestion{Source: filepath.Join(dir, "none")}); !errors.Is(err, vision.ErrNoCamera) {
		t.Errorf("a camera that is not there: %v, want ErrNoCamera", err)
	}
	if _, _, err := w.Still(context60(t), vision.StillQuestion{Source: dir, MS: 60_000}); !errors.Is(err, vision.ErrQuestion) {
		t.Errorf("a look of a minute: %v, want ErrQuestion", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%d files beside the camera, %v; a still is kept nowhere", len(entries), err)
	}
}
