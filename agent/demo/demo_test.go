package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/gate"
	"tram/agent/kiosk"
	"tram/drivers/sim"
	"tram/drivers/sim/picture"
	"tram/drivers/sim/vreader"
	"tram/sync/outbox"
	"tram/testdata"
)

// root is the temporary folder of everything that the tests start; its name in a
// process's environment or command line marks the process as theirs.
var root string

func TestMain(m *testing.M) {
	vreader.Child()
	var err error
	if root, err = os.MkdirTemp("", "tram-demo-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Setenv("TMPDIR", root) // the name is valid
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(root) // in the system's temporary folder: nothing depends on it
		os.Exit(code)
	}))
}

var buildHub = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-o", filepath.Join(root, "bin", "tram-hub"), "./cmd/tram-hub")
	cmd.Dir = testdata.Project(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build tram-hub: %w\n%s", err, out)
	}
	return nil
})

// withHub puts tram-hub, and no tram-vision, where the demo looks for them.
func withHub(t *testing.T) {
	t.Helper()
	if err := buildHub(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(root, "bin"))
}

// needReader skips where no virtual reader can be.
func needReader(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, vreader.ErrNotInstalled) || errors.Is(err, vreader.ErrNotAllowed) {
		t.Skip(err)
	}
}

// options are those of a fresh machine. The citizen's pictures are plain ones: no
// test here looks at a face, and faces take long to draw under the race detector.
func options(t *testing.T) Options {
	plain := image.NewRGBA(image.Rect(0, 0, 360, 480))
	return Options{
		Models: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.DiscardHandler),
		artist: &artist{
			portrait: func() []byte { return picture.JPEG(plain, 90) },
			visitor:  func() []image.Image { return []image.Image{plain} },
		},
	}
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// processes are those, other than this one, that were started with root.
func processes() []string {
	var list []string
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, dir := range dirs {
		if filepath.Base(dir) == fmt.Sprint(os.Getpid()) {
			continue
		}
		for _, name := range []string{"environ", "cmdline"} {
			// One that cannot be read has ended, or is another user's.
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Contains(text, []byte(root)) {
				comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
				list = append(list, filepath.Base(dir)+" "+strings.TrimSpace(string(comm)))
				break
			}
		}
	}
	return list
}

// folders are what the demo and its virtual reader have in the temporary folder.
func folders() []string {
	list, _ := filepath.Glob(filepath.Join(root, "tram-*")) // the pattern is valid
	return list
}

func checkNothingLeft(t *testing.T) {
	t.Helper()
	if left := folders(); len(left) != 0 {
		t.Errorf("folders left behind: %v", left)
	}
	var left []string
	eventually(t, "the demo's processes to end", func() bool {
		left = processes()
		return len(left) == 0
	})
}

func TestHubKilledFromOutsideStartsAgain(t *testing.T) {
	withHub(t)
	dir, err := os.MkdirTemp(root, "hub-")
	if err != nil {
		t.Fatal(err)
	}
	d := &Desk{hub: &hubProcess{program: filepath.Join(root, "bin", "tram-hub"), dir: dir}}
	t.Cleanup(d.hub.stop)
	if err := d.Do(t.Context(), "hub-start"); err != nil {
		t.Fatal(err)
	}
	first, addr := d.hub.cmd.Process.Pid, d.hub.addr
	if err := d.Do(t.Context(), "hub-start"); err != nil {
		t.Fatal(err)
	}
	if got := d.hub.cmd.Process.Pid; got != first {
		t.Errorf("a hub that runs was started again: process %d, want %d", got, first)
	}

	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-d.hub.exited
	if err := d.Do(t.Context(), "hub-start"); err != nil {
		t.Fatal(err)
	}
	if got := d.hub.cmd.Process.Pid; got == first {
		t.Error("the killed hub was not started again")
	}
	if d.hub.addr != addr {
		t.Errorf("broker at %s after the restart, want %s", d.hub.addr, addr)
	}
	if err := exec.Command(d.hub.program, "report", "--data", dir, "--json").Run(); err != nil {
		t.Errorf("the hub does not answer after the restart: %v", err)
	}
	for range 2 {
		if err := d.Do(t.Context(), "hub-stop"); err != nil {
			t.Error(err)
		}
	}
}

func TestUnknownActionIsRefused(t *testing.T) {
	for _, action := range []string{"", "no-such-action", "Scan-QR"} {
		if err := (&Desk{}).Do(t.Context(), action); !errors.Is(err, kiosk.ErrUnknownAction) {
			t.Errorf("Do(%q) = %v, want ErrUnknownAction", action, err)
		}
	}
}

func TestOtherCitizensAreValidAndDistinct(t *testing.T) {
	ids, names := map[string]bool{}, map[string]bool{}
	all := append(others(), sim.DefaultCitizen())
	for i, c := range all {
		if err := c.Validate(); err != nil {
			t.Errorf("citizen %d: %v", i, err)
		}
		ids[c.IDCode], names[c.PersonName] = true, true
	}
	if len(all) != 4 || len(ids) != 4 || len(names) != 4 {
		t.Errorf("%d citizens with %d numbers and %d names, want 4 of each", len(all), len(ids), len(names))
	}
}

func TestWhatIsNotDoneIsNoFailure(t *testing.T) {
	for _, c := range []struct {
		err          error
		ok, good     bool
		status, says string
	}{
		{nil, true, true, "done", "as it should"},
		{notDone("no network"), true, true, "not done", "not done: no network"},
		{fmt.Errorf("the face: %w", notDone("no network")), true, true, "not done", "not done: no network"},
		{errors.New("it broke"), false, false, "failed", "it broke"},
	} {
		var told []Step
		p := &play{told: func(s Step) { told = append(told, s) }, result: Result{Accepted: 1, Delivered: 1}}
		p.tell("a step", 1500*time.Microsecond, "as it should", c.err)
		want := Step{Name: "a step", OK: c.ok, Status: c.status, MS: 1.5, Detail: c.says}
		if len(told) != 1 || told[0] != want || !slices.Equal(p.result.Steps, told) {
			t.Errorf("%v: told %+v, kept %+v, want %+v", c.err, told, p.result.Steps, want)
		}
		if got := p.result.Good(); got != c.good {
			t.Errorf("%v: Good() = %v, want %v", c.err, got, c.good)
		}
	}
}

func TestOnlyAWholeDeliveryIsGood(t *testing.T) {
	done := []Step{{OK: true}}
	for _, r := range []Result{{}, {Accepted: 1, Delivered: 1}, {Steps: done}, {Steps: done, Accepted: 2, Delivered: 1}} {
		if r.Good() {
			t.Errorf("%+v counts as good", r)
		}
	}
}

func TestCountsThatNobodyTakesBlockNothing(t *testing.T) {
	d := &Desk{counted: make(chan gate.Count, 1)}
	for i := range 3 {
		d.count(outbox.Receipt{}, gate.Count{In: i})
	}
	if got := (<-d.counted).In; got != 0 {
		t.Errorf("the count that was kept is number %d, want the first", got)
	}
}

func TestDrawingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &Desk{
		opt: options(t), dir: t.TempDir(), street: picture.NewStreet(streetSeed), portrait: func() []byte { return nil },
		camera: make(chan struct{}), drawn: make(chan struct{}),
	}
	d.drawPictures(ctx)
	<-d.camera
	<-d.drawn
	if !errors.Is(d.drawErr, context.Canceled) {
		t.Errorf("drawErr = %v, want context.Canceled", d.drawErr)
	}
	if err := writeStreet(ctx, d.path("gate"), d.street); !errors.Is(err, context.Canceled) {
		t.Errorf("writeStreet = %v, want context.Canceled", err)
	}
	if frames, _ := filepath.Glob(d.path("*/*.jpg")); len(frames) != 0 {
		t.Errorf("%d frames were drawn after the end", len(frames))
	}
}

func TestCountWithoutAWorkerFailsAtOnceWithTheReason(t *testing.T) {
	withHub(t)
	d, err := Open(t.Context(), options(t))
	needReader(t, err)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()

	p := &play{d: d}
	_, err = p.countPeople(ctx) // the drawing goes on meanwhile: only the missing worker ends this
	if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "tram-vision") {
		t.Errorf("countPeople = %v, want an error that names tram-vision", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.countPeople(gone); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "camera gate is") {
		t.Errorf("countPeople = %v, want context.Canceled and how the gate's camera is", err)
	}

	stop()
	if err := errors.Join(<-ended, d.Close()); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t)
}

func TestDeskThatIsNeverRunLeavesNothing(t *testing.T) {
	withHub(t)
	d, err := Open(t.Context(), options(t))
	needReader(t, err)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t)
}

func TestInterruptedPlayTellsHowFarItCameAndLeavesNothing(t *testing.T) {
	withHub(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var last Step
	result, err := Play(ctx, options(t), func(s Step) {
		last = s
		if s.Name == "accept the record" {
			interrupt()
		}
	})
	needReader(t, err)
	if err != nil {
		t.Fatal(err)
	}
	if last.Name != "count people" || last.Status != "failed" {
		t.Errorf("last step %+v, want count people to fail", last)
	}
	if result.Accepted != 1 || result.Delivered > 1 || result.Good() {
		t.Errorf("%d accepted, %d delivered, good %v; want 1 accepted and not good\n%+v", result.Accepted, result.Delivered, result.Good(), result.Steps)
	}
	checkNothingLeft(t)
}

func TestPlayInterruptedWhileItDrawsLeavesNothing(t *testing.T) {
	withHub(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	opt := options(t)
	plain := opt.artist.visitor
	opt.artist.visitor = func() []image.Image {
		for ctx.Err() == nil {
			if made, _ := filepath.Glob(filepath.Join(root, "tram-demo-*", "state", "*.sock")); len(made) != 0 {
				interrupt()
			}
			time.Sleep(time.Millisecond)
		}
		return plain()
	}
	// Where no virtual reader can be, the daemon never comes.
	if r, err := vreader.Start(ctx); err != nil {
		needReader(t, err)
	} else if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	result, err := Play(ctx, opt, nil)
	if !errors.Is(err, context.Canceled) || len(result.Steps) != 0 {
		t.Errorf("Play = %+v, %v; want no step and context.Canceled", result, err)
	}
	checkNothingLeft(t)

	if _, err := Play(ctx, opt, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Play after the interrupt = %v, want context.Canceled", err)
	}
	checkNothingLeft(t)
}
