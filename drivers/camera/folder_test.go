package camera_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/sim/picture"
)

func TestAFolderOfTrapsIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	good := numbered(t, 7, 64, 48)
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("1-empty.jpg", nil)
	put("2-half.jpg", good[:len(good)/2])
	put("3-bomb.png", picture.Bomb(60000))
	if err := syscall.Mkfifo(filepath.Join(dir, "4-pipe.jpg"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"5-itself.jpg": "5-itself.jpg", "6-endless.jpg": "/dev/zero", "7-nowhere.jpg": "/nowhere", "8-folder.jpg": "."} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a-good.jpg", filepath.Join(dir, "9-link.jpg")); err != nil {
		t.Fatal(err)
	}
	put("a-good.jpg", good)
	c, err := camera.Open(context.Background(), dir, camera.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	for range 2 { // by the link, and by its name
		if err := c.Next(context.Background(), &m); err != nil || numberOf(m) != 7 {
			t.Fatalf("%v; want the good picture", err)
		}
	}
	if err := c.Next(context.Background(), &m); !errors.Is(err, io.EOF) {
		t.Errorf("after it: %v, want io.EOF", err)
	}
}

func TestAFolderThatGrowsIsPlayedOn(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, n int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), numbered(t, n, 64, 48), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("b.jpg", 2)
	_, next := open(t, dir, camera.Options{Loop: true})
	want := func(n int) {
		t.Helper()
		if got, err := next(); err != nil || got != n {
			t.Fatalf("picture %d, %v; want %d", got, err, n)
		}
	}
	want(2)
	put("c.jpg", 3) // goes on
	put("a.jpg", 1) // comes when it begins again
	want(3)
	want(1)
	want(2)
	if err := os.Remove(filepath.Join(dir, "c.jpg")); err != nil {
		t.Fatal(err)
	}
	want(1) // one that vanished is passed over
	for _, name := range []string{"a.jpg", "b.jpg"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := next(); !errors.Is(err, camera.ErrNoCamera) {
		t.Errorf("an empty folder: %v, want ErrNoCamera", err)
	}
}

// Pictures numbered without leading zeros are in order, also after the folder has
// grown, and of a sequence of MOTChallenge the frames are played.
func TestFramesArePlayedInTheOrderOfTheirNumbers(t *testing.T) {
	dir := t.TempDir()
	frames := filepath.Join(dir, "img1")
	if err := os.Mkdir(frames, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name string, number int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(frames, name), numbered(t, number, 64, 48), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("f10.jpg", 3)
	put("f9b.jpg", 2)
	put("f9.jpg", 1)
	c, err := camera.Open(context.Background(), dir, camera.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	for want := 1; want <= 4; want++ {
		if err := c.Next(context.Background(), &m); err != nil || numberOf(m) != want {
			t.Fatalf("picture %d: got %d, %v", want, numberOf(m), err)
		}
		if want == 3 {
			put("f100.jpg", 4)
			put("f1.jpg", 9) // before the last: it came too late
		}
	}
}

func TestAPipeIsNoVideo(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "film.mp4")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := camera.Open(context.Background(), pipe, camera.Options{}); !errors.Is(err, camera.ErrNoCamera) {
		t.Errorf("%v, want ErrNoCamera", err)
	}
}
