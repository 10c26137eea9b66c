package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tram/drivers/sim/picture"
	"tram/vision"
)

func TestAnInterruptedCountIsPrinted(t *testing.T) {
	withPrograms(t)
	dir := t.TempDir()
	frame := filepath.Join(t.TempDir(), "frame.jpg")
	if err := os.WriteFile(frame, picture.JPEG(picture.NewStreet(1).Frame(0), 80), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 20000 { // far more than are looked at
		if err := os.Symlink(frame, filepath.Join(dir, fmt.Sprintf("%06d.jpg", i))); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, program(t, nil, "count", "--line", "320,140,320,470", "--json", dir))
	eventually(t, "the first progress", func() bool { return strings.Contains(p.log.String(), " frames, ") })
	if err := p.end(syscall.SIGINT); err != nil {
		t.Fatalf("SIGINT: %v\n%s", err, p.log.String())
	}
	log := p.log.String()
	var r countResult
	if err := json.Unmarshal([]byte(log[strings.Index(log, "{"):]), &r); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if r.Frames == 0 || r.Frames == 20000 || r.MS <= 0 || r.FPS <= 0 {
		t.Errorf("got %+v, want what was counted until the signal", r)
	}
}

func TestACountThatDoesNotKnowItsTimeTakesTheClocks(t *testing.T) {
	if r := countOf(vision.CountAnswer{Frames: 50, In: 1}, 2*time.Second); r.MS != 2000 || r.FPS != 25 || r.In != 1 {
		t.Errorf("got %+v, want 2000 ms and 25 frames/s", r)
	}
	if r := countOf(vision.CountAnswer{Frames: 50, FPS: 10, MS: 5000}, time.Second); r.MS != 5000 || r.FPS != 10 {
		t.Errorf("got %+v, want the answer's own figures", r)
	}
}
