package models_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tram/testdata"
	"tram/vision/models"
)

// upstream answers for every address of the list.
func upstream(t *testing.T, handler http.HandlerFunc) *http.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Transport = toward{at, client.Transport}
	return client
}

type toward struct {
	at   *url.URL
	next http.RoundTripper
}

func (w toward) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = w.at.Scheme, w.at.Host
	return w.next.RoundTrip(r)
}

func network(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(testdata.Model(t, "face_detection_yunet_2022mar.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files are the names in a folder.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func serve(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "network.onnx", time.Time{}, bytes.NewReader(data))
	}
}

func TestAPullFollowsARedirectAndEndsInACircle(t *testing.T) {
	data, dir := network(t), t.TempDir()
	client := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/storage/") {
			http.Redirect(w, r, "/storage"+r.URL.Path, http.StatusFound)
			return
		}
		serve(data)(w, r)
	})
	if names, err := models.Pull(t.Context(), dir, client, models.FaceDetector); err != nil || len(names) != 1 {
		t.Errorf("Pull() = %v, %v; want the redirect followed", names, err)
	}
	circle, none := upstream(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), t.TempDir()
	if names, err := models.Pull(t.Context(), none, circle, models.FaceDetector); err == nil {
		t.Errorf("a circle of redirects: Pull() = %v without an error", names)
	}
}

func TestAPullThatIsInterruptedGoesOnAndOneThatBeganWrongBeginsAnew(t *testing.T) {
	data, dir := network(t), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	part := filepath.Join(dir, e.File+".part")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "345478")
		_, _ = w.Write(data[:100_000])
		w.(http.Flusher).Flush()
		for { // until some of it is on the disk
			if st, err := os.Stat(part); err == nil && st.Size() > 0 {
				break
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
		cancel()
		<-r.Context().Done()
	})
	if _, err := models.Pull(ctx, dir, client, models.FaceDetector); !errors.Is(err, context.Canceled) {
		t.Fatalf("Pull() = %v, want context.Canceled", err)
	}
	if got, err := os.ReadFile(part); err != nil || len(got) == 0 || !bytes.HasPrefix(data, got) {
		t.Fatalf("%d bytes of the file are kept, %v; want its beginning", len(got), err)
	}
	var asked string
	whole := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Range")
		serve(data)(w, r)
	})
	if _, err := models.Pull(t.Context(), dir, whole, models.FaceDetector); err != nil || !strings.HasPrefix(asked, "bytes=") {
		t.Errorf("Pull() = %v, asked for %q; want the rest", err, asked)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, e.File)), os.WriteFile(part, []byte("something else"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := models.Pull(t.Context(), dir, whole, models.FaceDetector); !errors.Is(err, models.ErrWrong) {
		t.Errorf("after another beginning: Pull() = %v, want ErrWrong", err)
	}
	if got := files(t, dir); got != "" {
		t.Errorf("%q is left, want nothing", got)
	}
	if _, err := models.Pull(t.Context(), dir, whole, models.FaceDetector); err != nil {
		t.Errorf("the next Pull() = %v", err)
	}
}

func TestAServerThatCannotGoOnIsAskedForTheWhole(t *testing.T) {
	data, dir := network(t), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	if err := os.WriteFile(filepath.Join(dir, e.File+".part"), data[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	client := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	if _, err := models.Pull(t.Context(), dir, client, models.FaceDetector); err != nil {
		t.Error(err)
	}
	if got := files(t, dir); got != e.File {
		t.Errorf("%q in the folder, want the network alone", got)
	}
}

func TestAFullDiskSaysSoAndIsNotFilledFurther(t *testing.T) {
	data, dir := network(t), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	// Whatever is written to /dev/full meets a full disk.
	if err := os.Symlink("/dev/full", filepath.Join(dir, e.File+".part")); err != nil {
		t.Fatal(err)
	}
	if _, err := models.Pull(t.Context(), dir, upstream(t, serve(data)), models.FaceDetector); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Pull() = %v, want ENOSPC", err)
	}
	if got := files(t, dir); got != "" {
		t.Errorf("%q is left, want nothing", got)
	}
}

func TestAFolderWithOtherFilesGivesItsNetworksAlone(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	other, _ := models.Named(models.YOLOX)
	pipe, _ := models.Named(models.FastestDet)
	for name, data := range map[string][]byte{e.File: network(t), "holiday.jpg": []byte("x"), e.File + ".part": []byte("x"), "README": nil} {
		if err := os.WriteFile(filepath.Join(from, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(from, other.File), 0o700), syscall.Mkfifo(filepath.Join(from, pipe.File), 0o600)); err != nil {
		t.Fatal(err)
	}
	names, err := models.Import(from, dir)
	if !errors.Is(err, models.ErrWrong) || len(names) != 1 || names[0] != e.Name {
		t.Errorf("Import() = %v, %v; want the detector, and the folder and the pipe of a network's name refused", names, err)
	}
	if got := files(t, dir); got != e.File {
		t.Errorf("%q in the folder, want the network alone", got)
	}
	if names, err := models.Import(dir, dir); err != nil || len(names) != 1 {
		t.Errorf("a folder into itself: %v, %v", names, err)
	}
	if _, err := models.Import(t.TempDir(), dir); !errors.Is(err, models.ErrMissing) {
		t.Errorf("an empty folder: %v, want ErrMissing", err)
	}
}
