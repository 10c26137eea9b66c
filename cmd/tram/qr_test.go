package main

import (
	"encoding/json"
	"errors"
	"image"
	stddraw "image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tram/vision/qr/draw"
)

// One bad picture does not keep the others from being read.
func TestAllCodesOfAllPicturesAreToldAndWhatCouldNotBeRead(t *testing.T) {
	withPrograms(t)
	card := "099099000017||Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022"
	dir := t.TempDir()
	two, broken, none := filepath.Join(dir, "two.png"), filepath.Join(dir, "broken.png"), filepath.Join(dir, "none.png")
	picture := image.NewGray(image.Rect(0, 0, 700, 300))
	stddraw.Draw(picture, picture.Rect, image.White, image.Point{}, stddraw.Src)
	for i, text := range []string{card, "second"} {
		c, err := draw.New(text)
		if err != nil {
			t.Fatal(err)
		}
		at := image.Pt(10+350*i, 10)
		img := c.Image(5)
		stddraw.Draw(picture, img.Rect.Add(at), img, image.Point{}, stddraw.Src)
	}
	f, err := os.Create(two)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, picture), f.Close(), os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\nnothing"), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), build(t, "tram"), "qr", "decode", "--json", broken, none, two)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || len(exit.Stderr) > 0 {
		t.Errorf("ended with %v, want exit 1 and nothing beside the lines", err)
	}
	var lines []qrLine
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var l qrLine
		if err := d.Decode(&l); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		lines = append(lines, l)
	}
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4:\n%s", len(lines), out)
	}
	if lines[0].File != broken || !strings.Contains(lines[0].Error, "PNG header") || lines[1].File != none || !strings.Contains(lines[1].Error, "no such file") {
		t.Errorf("got %+v, want what is wrong with each", lines[:2])
	}
	texts := []string{lines[2].Kind + " " + lines[2].Text, lines[3].Kind + " " + lines[3].Text}
	slices.Sort(texts)
	if !slices.Equal(texts, []string{"cccd-2021 " + card, "opaque second"}) {
		t.Errorf("got %q, want both codes", texts)
	}
}
