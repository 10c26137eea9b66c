package scanner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"tram/drivers"
	"tram/drivers/scanner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const code = "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Tỉnh Mẫu|02032022"

// line is a pty under a name of its own, as /dev/serial/by-id gives one.
type line struct {
	t    *testing.T
	name string
	wire *os.File
	tty  *os.File
}

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{t: t, name: filepath.Join(t.TempDir(), "scanner")}
	t.Cleanup(l.unplug)
	return l
}

func (l *line) plug() {
	l.t.Helper()
	wire, tty, err := pty.Open()
	if err != nil {
		l.t.Fatal(err)
	}
	l.wire, l.tty = wire, tty
	if err := os.Symlink(tty.Name(), l.name); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) unplug() {
	if l.wire == nil {
		return
	}
	_ = os.Remove(l.name)
	_ = l.wire.Close()
	_ = l.tty.Close()
	l.wire = nil
}

func (l *line) send(s string) {
	l.t.Helper()
	if _, err := l.wire.WriteString(s); err != nil {
		l.t.Fatal(err)
	}
}

func run(t *testing.T, s *scanner.Scanner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Run does not end with its context")
		}
	})
}

func waitState(t *testing.T, s *scanner.Scanner, want drivers.State) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.Status().State != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("status %+v after 20 s, want state %s", s.Status(), want)
		}
	}
}

func next(t *testing.T, s *scanner.Scanner) string {
	t.Helper()
	select {
	case c := <-s.Codes():
		if c.At.IsZero() {
			t.Error("the code has no time")
		}
		return string(c.Raw.Reveal())
	case <-time.After(20 * time.Second):
		t.Fatal("no code in 20 s")
		return ""
	}
}

func TestCodesComeWithAnySuffixAndWithout(t *testing.T) {
	for _, baud := range []int{9600, 115200} {
		for _, suffix := range []string{"\r", "\n", "\r\n", ""} {
			t.Run(fmt.Sprintf("%d %q", baud, suffix), func(t *testing.T) {
				l := newLine(t)
				l.plug()
				s := scanner.New(l.name, scanner.Options{Baud: baud})
				run(t, s)
				waitState(t, s, drivers.Ready)
				for range 2 {
					l.send(code + suffix)
					if got := next(t, s); got != code {
						t.Errorf("got %d bytes, want the %d that were sent", len(got), len(code))
					}
				}
			})
		}
	}
}

func TestEveryByteComesAsItWasSent(t *testing.T) {
	l := newLine(t)
	l.plug()
	s := scanner.New(l.name, scanner.Options{})
	run(t, s)
	waitState(t, s, drivers.Ready)
	var all []byte
	for b := range 256 {
		if b != '\r' && b != '\n' {
			all = append(all, byte(b))
		}
	}
	l.send(string(all) + "\r")
	if got := next(t, s); got != string(all) {
		t.Errorf("%d bytes came, want all %d unchanged: the tty is not raw", len(got), len(all))
	}
}

func TestAScannerIsWaitedForAndComesBackAfterItIsUnplugged(t *testing.T) {
	l := newLine(t)
	s := scanner.New(l.name, scanner.Options{IdleGap: time.Minute}) // a pause must not end the half code below
	run(t, s)
	for s.Status().Detail == "not looked for yet" {
		time.Sleep(time.Millisecond)
	}
	if got := s.Status(); got.State != drivers.Missing || got.Detail != "the scanner is not plugged in" {
		t.Errorf("without a scanner, status = %+v", got)
	}
	for range 2 {
		l.plug()
		waitState(t, s, drivers.Ready)
		l.send(code + "\r")
		if got := next(t, s); got != code {
			t.Errorf("got %d bytes, want %d", len(got), len(code))
		}
		l.send("half a code")
		l.unplug()
		waitState(t, s, drivers.Missing)
	}
	if n := len(s.Codes()); n != 0 {
		t.Errorf("%d codes came of halves", n)
	}
}

func TestAPortThatIsNoSerialLineFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := scanner.New(path, scanner.Options{})
	run(t, s)
	waitState(t, s, drivers.Failed)
	if d := s.Status().Detail; !strings.Contains(d, path) {
		t.Errorf("detail %q does not name the port", d)
	}
	odd := scanner.New(path, scanner.Options{Baud: 12345})
	run(t, odd)
	waitState(t, odd, drivers.Failed)
}

func TestCodesThatNobodyTakesDropTheOldest(t *testing.T) {
	l := newLine(t)
	l.plug()
	s := scanner.New(l.name, scanner.Options{})
	run(t, s)
	waitState(t, s, drivers.Ready)
	for i := range 20 {
		l.send(fmt.Sprintf("code %02d\r", i))
	}
	first := ""
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c := next(t, s); first == "" {
			first = c
		} else if c == "code 19" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the last code did not come in 20 s")
		}
	}
}

func TestAScannedCodeNeverPrintsThePerson(t *testing.T) {
	l := newLine(t)
	l.plug()
	var log strings.Builder
	s := scanner.New(l.name, scanner.Options{})
	run(t, s)
	waitState(t, s, drivers.Ready)
	l.send(code + "\r")
	c := <-s.Codes()
	fmt.Fprintf(&log, "%v %+v %#v", c, c, c)
	if strings.Contains(log.String(), "099099") {
		t.Error("a printed code shows the number")
	}
}
