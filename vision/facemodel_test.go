package vision_test

import (
	"errors"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
	"tram/vision"
	"tram/vision/models"
)

func TestAnOperatorsThresholdCountsForItsNetworkAlone(t *testing.T) {
	dir := modelsDir(t)
	used, _ := models.Named(models.FaceEmbedding)
	other, _ := models.Named(models.SFace)
	portrait := picture.PortraitJPEG(1)
	for _, c := range []struct {
		cut           vision.FaceCut
		match, unsure bool
		err           error
	}{
		{vision.FaceCut{SHA256: used.SHA256, Match: 0.9, Unsure: 0.8}, true, false, nil},
		{vision.FaceCut{SHA256: used.SHA256, Match: 1.5, Unsure: 0.8}, false, true, nil},
		{vision.FaceCut{SHA256: used.SHA256, Match: 1.6, Unsure: 1.5}, false, false, nil},
		{vision.FaceCut{SHA256: other.SHA256, Match: 0.9, Unsure: 0.8}, false, false, vision.ErrQuestion},
	} {
		w := newWorker(t, vision.Options{Models: dir, Face: vision.FaceModel{Cut: &c.cut}})
		a, err := w.VerifyFaces(context60(t), portrait, portrait)
		if !errors.Is(err, c.err) || a.Match != c.match || a.Unsure != c.unsure || err == nil && a.Threshold != c.cut.Match {
			t.Errorf("%+v: match %v, unsure %v, threshold %v, %v", c.cut, a.Match, a.Unsure, a.Threshold, err)
		}
	}
}

func TestTheNetworkThatWasChosenIsUsedAndNoOther(t *testing.T) {
	portrait := picture.PortraitJPEG(1)
	w := newWorker(t, vision.Options{Models: modelsDir(t), Face: vision.FaceModel{Name: models.SFace}})
	a, err := w.VerifyFaces(context60(t), portrait, portrait)
	if errors.Is(err, vision.ErrNoModel) {
		if !strings.Contains(err.Error(), "sface") {
			t.Errorf("%v does not say which file is missing", err)
		}
		t.Skip("what it says without the file was seen; for the comparison itself bring it: tram models pull sface-2021dec, into the folder that TRAM_MODELS names")
	}
	// No curve was measured with this network: whatever the score, a person decides.
	if err != nil || a.Model.Name != models.SFace || a.Score < 0.99 || a.Match || !a.Unsure {
		t.Errorf("answer %+v, %v; want the very same picture to score 1 and a person to decide", a, err)
	}
	none := newWorker(t, vision.Options{Models: modelsDir(t), Face: vision.FaceModel{Name: models.NanoDet}})
	if _, err := none.VerifyFaces(context60(t), portrait, portrait); !errors.Is(err, vision.ErrQuestion) {
		t.Errorf("a network that finds people: %v, want ErrQuestion", err)
	}
}
