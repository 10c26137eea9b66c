package models_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tram/testdata"
	"tram/vision/models"
)

func TestImportTakesThePinnedFilesAndNothingElse(t *testing.T) {
	from := filepath.Dir(testdata.Model(t, "yolox_nano.onnx"))
	dir := filepath.Join(t.TempDir(), "models")
	names, err := models.Import(from, dir)
	required := slices.DeleteFunc(models.Pinned(), func(e models.Entry) bool { return e.Optional })
	if err != nil || len(names) < len(required) {
		t.Fatalf("Import() = %v, %v; want all of the list", names, err)
	}
	for _, s := range models.Verify(dir) {
		if s.State != models.OK && !s.Optional {
			t.Errorf("%s is %s: %s", s.File, s.State, s.Detail)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%d files in the folder, want %d", len(entries), len(names))
	}
}

func TestAFileWithAnotherHashIsRefused(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	if err := os.WriteFile(filepath.Join(from, e.File), bytes.Repeat([]byte{1}, int(e.Size)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := models.Import(from, dir); !errors.Is(err, models.ErrWrong) {
		t.Errorf("Import() = %v, want ErrWrong", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%d files installed, want none", len(entries))
	}
	if _, _, err := models.Load(from, models.FaceDetector); !errors.Is(err, models.ErrWrong) {
		t.Errorf("Load() = %v, want ErrWrong", err)
	}
	if s := models.List(from)[0]; s.State != models.OK {
		t.Errorf("List() looks at the size only, says %s", s.State)
	}
	if s := models.Verify(from)[0]; s.State != models.Wrong {
		t.Errorf("Verify() says %s, want wrong", s.State)
	}
	if s := models.List(dir)[0]; s.State != models.Missing {
		t.Errorf("List() of an empty folder says %s, want missing", s.State)
	}
}

// answer is a transport that gives the same body for every address.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func TestADownloadThatIsNotThePinnedFileIsRefused(t *testing.T) {
	for _, a := range []answer{{200, "<html>login</html>"}, {404, "gone"}} {
		dir := t.TempDir()
		names, err := models.Pull(context.Background(), dir, &http.Client{Transport: a})
		if err == nil || len(names) != 0 {
			t.Errorf("Pull() = %v, %v; want an error", names, err)
		}
		if !errors.Is(err, models.ErrNoURL) {
			t.Errorf("Pull() = %v, want it to say which files must be imported", err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("%d files installed, want none", len(entries))
		}
	}
}
