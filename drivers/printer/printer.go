// Package printer prints tickets and slips on a receipt printer that speaks
// ESC/POS, on a serial line or a device file such as /dev/usb/lp0.
//
// What is printed is drawn here and sent as a picture (GS v 0): the character
// sets of these printers differ, and most have no Vietnamese one. Without a font
// file the text goes as ASCII without marks, and Status says so.
package printer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"tram/drivers"
)

// Defaults of Options, for paper of 80 mm at 203 dots an inch.
const (
	DefaultBaud  = 9600
	DefaultWidth = 576
	DefaultFont  = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf" // package fonts-dejavu-core
)

// The bounds of what is printed.
const (
	MinWidth = 200
	MaxWidth = 832
	MaxLines = 100
	maxRunes = 200 // of a line
)

// patience bounds one paper: a printer out of paper takes nothing.
const patience = 20 * time.Second

// Errors that a caller tells apart.
var (
	ErrMissing = errors.New("the printer is not there")
	// ErrStuck: it stopped taking data: no paper, or the cover is open. Part of the paper may be printed.
	ErrStuck  = errors.New("the printer takes nothing any more: look for paper and cover")
	ErrTooBig = errors.New("too much for one paper")
)

// Options are what may be set of a printer; zero values take the defaults.
type Options struct {
	Baud  int    // of a serial line; a device file has none
	Width int    // dots across the paper: 576 for 80 mm, 384 for 58 mm
	Font  string // a TrueType file; "none" prints ASCII
	NoCut bool   // the printer has no cutter
	Log   *slog.Logger
}

// Paper is what is printed. Lines that are too long are broken between words.
type Paper struct {
	Title  string   // in the middle
	Number string   // very large, in the middle: "A017"
	Lines  []string // as they are; "" leaves a line free
	Code   Code     // a QR code below the lines; nil for none
}

// Code is a QR code with its border; vision/qr/draw makes one.
type Code interface {
	Size() int // modules across
	Dark(x, y int) bool
}

var _ drivers.Device = (*Printer)(nil)

// A Printer is one receipt printer, there or not.
type Printer struct {
	path  string
	opt   Options
	fonts *fonts // nil: ASCII
	plain string // why it is ASCII

	turn sync.Mutex // one paper after the other

	mu     sync.Mutex
	status drivers.Status
}

// New returns the printer at a path. A font that cannot be read is no error:
// tickets are printed without marks then.
func New(path string, opt Options) (*Printer, error) {
	if opt.Baud == 0 {
		opt.Baud = DefaultBaud
	}
	if opt.Width == 0 {
		opt.Width = DefaultWidth
	}
	if opt.Width < MinWidth || opt.Width > MaxWidth {
		return nil, fmt.Errorf("printer of %d dots: must be %d to %d", opt.Width, MinWidth, MaxWidth)
	}
	if opt.Font == "" {
		opt.Font = DefaultFont
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Width &^= 7 // the picture's rows are whole bytes
	p := &Printer{path: path, opt: opt}
	if opt.Font != "none" {
		var err error
		if p.fonts, err = loadFonts(opt.Font); err != nil {
			p.plain = "prints without marks: " + err.Error()
			opt.Log.Warn("the printer has no font", "device", path, "err", err)
		}
	}
	p.status = drivers.Status{Kind: "printer", Name: path, State: drivers.Missing, Since: time.Now()}
	p.look()
	return p, nil
}

// Status returns how the printer is. It is opened for each paper only, so that
// "ready" means that its device is there.
func (p *Printer) Status() drivers.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Run looks after the printer until ctx ends, and returns nil then.
func (p *Printer) Run(ctx context.Context) error {
	clock := time.NewTicker(2 * time.Second)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
			p.look()
		}
	}
}

// look sees whether the device is there; what a paper found stays until it goes or
// another paper succeeds.
func (p *Printer) look() {
	_, err := os.Stat(p.path)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.setLocked(drivers.Missing, "the printer is not plugged in")
	case p.status.State == drivers.Missing:
		p.setLocked(drivers.Ready, p.plain)
	}
}

func (p *Printer) set(state drivers.State, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setLocked(state, detail)
}

func (p *Printer) setLocked(state drivers.State, detail string) {
	if p.status.State != state {
		p.status.State, p.status.Since = state, time.Now()
	}
	p.status.Detail = detail
}

// Print prints and cuts. It returns when the printer has taken everything, not
// when the paper is out: these printers do not say. Errors: ErrMissing,
// ErrStuck, ErrTooBig, or ctx's.
func (p *Printer) Print(ctx context.Context, paper Paper) error {
	data, err := p.encode(paper)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	line, err := open(p.path, p.opt.Baud)
	if err != nil {
		p.set(drivers.Missing, detail(err))
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	p.set(drivers.Busy, p.plain)
	err = write(ctx, line, data)
	if closed := line.Close(); err == nil && closed != nil {
		err = fmt.Errorf("%w: %w", ErrStuck, closed)
	}
	switch {
	case err == nil:
		p.set(drivers.Ready, p.plain)
	case errors.Is(err, ErrStuck):
		p.set(drivers.Failed, ErrStuck.Error())
	default:
		p.set(drivers.Ready, p.plain)
	}
	return err
}

// encode makes the printer's commands of a paper.
func (p *Printer) encode(paper Paper) ([]byte, error) {
	if err := paper.check(); err != nil {
		return nil, err
	}
	out := []byte{0x1b, '@'} // ESC @: initialize
	if p.fonts == nil {
		out = append(out, plain(paper)...)
	} else {
		picture, err := p.fonts.draw(paper, p.opt.Width)
		if err != nil {
			return nil, err
		}
		out = append(out, raster(picture)...)
	}
	if paper.Code != nil {
		code, err := drawCode(paper.Code, p.opt.Width)
		if err != nil {
			return nil, err
		}
		out = append(out, raster(code)...)
	}
	if p.opt.NoCut {
		return append(out, 0x1b, 'd', 4), nil // ESC d: feed four lines
	}
	return append(out, 0x1d, 'V', 'B', 0), nil // GS V B: feed to the cutter and cut
}

func (p Paper) check() error {
	if len(p.Lines) > MaxLines {
		return fmt.Errorf("%w: %d lines, at most %d", ErrTooBig, len(p.Lines), MaxLines)
	}
	for _, line := range append([]string{p.Title, p.Number}, p.Lines...) {
		if n := len([]rune(line)); n > maxRunes {
			return fmt.Errorf("%w: a line of %d letters, at most %d", ErrTooBig, n, maxRunes)
		}
	}
	return nil
}

// clean takes out what a printer would obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// line is an open device that can be given a deadline.
type line interface {
	io.WriteCloser
	SetWriteDeadline(time.Time) error
}

// write sends data in small pieces and gives up when nothing is taken.
func write(ctx context.Context, w line, data []byte) error {
	// A plain file takes everything at once and knows no deadline.
	if err := w.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return fmt.Errorf("print: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := w.Write(data)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("print: %w", ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrStuck
	}
	return fmt.Errorf("%w: %w", ErrStuck, err)
}

// open opens a serial line or a device file, such that writing can be given up.
// A terminal gets its speed from tarm/serial first.
func open(path string, baud int) (line, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return reopened(f) // no terminal: nothing to set
	}
	port, err := serial.OpenPort(&serial.Config{Name: path, Baud: baud, ReadTimeout: time.Second})
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := port.Close(); err != nil { // its settings stay with the line as long as f is open
		_ = f.Close()
		return nil, err
	}
	return reopened(f)
}

// reopened gives a handle in non-blocking mode, which Fd has taken f out of.
func reopened(f *os.File) (line, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		if err = unix.SetNonblock(fd, true); err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func detail(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "the printer is not plugged in"
	case errors.Is(err, os.ErrPermission):
		return "this user may not open the printer; add it to the groups lp and dialout"
	}
	return err.Error()
}
