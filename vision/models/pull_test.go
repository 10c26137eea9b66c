package models_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/testdata"
	"tram/vision/models"
)

// halfway gives the first half of a file and breaks off; then it goes on where it was asked to.
type halfway struct {
	data   []byte
	ranges []string
}

func (h *halfway) RoundTrip(r *http.Request) (*http.Response, error) {
	h.ranges = append(h.ranges, r.Header.Get("Range"))
	half := len(h.data) / 2
	if r.Header.Get("Range") == "" {
		body := io.MultiReader(bytes.NewReader(h.data[:half]), broken{})
		return &http.Response{StatusCode: 200, Status: "200 OK", ContentLength: int64(len(h.data)), Body: io.NopCloser(body), Request: r}, nil
	}
	header := http.Header{"Content-Range": {strings.Replace(r.Header.Get("Range"), "bytes=", "bytes ", 1) + "x/x"}}
	return &http.Response{StatusCode: 206, Status: "206 Partial Content", Header: header, ContentLength: int64(len(h.data) - half), Body: io.NopCloser(bytes.NewReader(h.data[half:])), Request: r}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestADownloadThatBrokeOffGoesOn(t *testing.T) {
	data, err := os.ReadFile(testdata.Model(t, "face_detection_yunet_2022mar.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	server, dir := &halfway{data: data}, t.TempDir()
	client := &http.Client{Transport: server}
	if names, err := models.Pull(context.Background(), dir, client, models.FaceDetector); err == nil {
		t.Fatalf("Pull() = %v without an error", names)
	}
	names, err := models.Pull(context.Background(), dir, client, models.FaceDetector)
	if err != nil || len(names) != 1 {
		t.Fatalf("second Pull() = %v, %v", names, err)
	}
	if len(server.ranges) != 2 || server.ranges[1] == "" {
		t.Errorf("ranges asked for: %q, want none and then one", server.ranges)
	}
	if _, got, err := models.Load(dir, models.FaceDetector); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Load() = %d bytes, %v", len(got), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder, want the network alone", len(entries))
	}
}

func TestOneFileIsImportedByItsNameAndHash(t *testing.T) {
	good, dir := testdata.Model(t, "face_detection_yunet_2022mar.onnx"), t.TempDir()
	e, _ := models.Named(models.FaceDetector)
	if err := models.ImportFile(good, dir, models.FaceDetector, strings.Repeat("0", 64)); !errors.Is(err, models.ErrWrong) {
		t.Errorf("another hash: %v, want ErrWrong", err)
	}
	if err := models.ImportFile(good, dir, models.YOLOX, ""); !errors.Is(err, models.ErrWrong) {
		t.Errorf("another network: %v, want ErrWrong", err)
	}
	if err := models.ImportFile(good, dir, "none", ""); !errors.Is(err, models.ErrMissing) {
		t.Errorf("a name that is not listed: %v, want ErrMissing", err)
	}
	if err := models.ImportFile(good, dir, e.Name, strings.ToUpper(e.SHA256)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, e.File)); err != nil {
		t.Error(err)
	}
}
