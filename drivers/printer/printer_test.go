package printer

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"tram/drivers"
	"tram/vision/qr"
	"tram/vision/qr/draw"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ticket = Paper{Title: "Trạm Y tế Phường Thử", Number: "A017", Lines: []string{"Khoa Mắt", "", "08:15 24/11/2026", strings.Repeat("một dòng rất dài ", 8)}}

// paper reads the commands as a printer does, strictly, and returns what is
// printed: the picture of all its raster strips, the text, and whether it is cut.
func paper(t *testing.T, b []byte) (strips []*image.Gray, text string, cut bool) {
	t.Helper()
	for len(b) > 0 {
		switch {
		case bytes.HasPrefix(b, []byte{0x1b, '@'}):
			b = b[2:]
		case bytes.HasPrefix(b, []byte{0x1b, 'a'}), bytes.HasPrefix(b, []byte{0x1d, '!'}), bytes.HasPrefix(b, []byte{0x1b, 'd'}):
			b = b[3:]
		case bytes.HasPrefix(b, []byte{0x1d, 'V', 'B'}):
			cut, b = true, b[4:]
		case bytes.HasPrefix(b, []byte{0x1d, 'v', '0', 0}):
			w, h := int(b[4])|int(b[5])<<8, int(b[6])|int(b[7])<<8
			b = b[8:]
			img := image.NewGray(image.Rect(0, 0, 8*w, h))
			for i := range img.Pix {
				if b[i/8]&(0x80>>(i%8)) == 0 {
					img.Pix[i] = 255
				}
			}
			strips, b = append(strips, img), b[w*h:]
		case b[0] == '\n' || b[0] >= ' ' && b[0] < 0x7f:
			text, b = text+string(b[0]), b[1:]
		default:
			t.Fatalf("byte %#x is no text and begins no command", b[0])
		}
	}
	return strips, text, cut
}

func newPrinter(t *testing.T, path string, opt Options) *Printer {
	t.Helper()
	if opt.Font == "" {
		if _, err := os.Stat(DefaultFont); err != nil {
			t.Skipf("needs the font %s: apt-get install fonts-dejavu-core", DefaultFont)
		}
	}
	p, err := New(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestATicketIsDrawnAndCut(t *testing.T) {
	p := newPrinter(t, "/nowhere", Options{Width: 384})
	data, err := p.encode(ticket)
	if err != nil {
		t.Fatal(err)
	}
	strips, text, cut := paper(t, data)
	if text != "" || !cut || len(strips) < 2 {
		t.Errorf("%d strips, text %q, cut %v; want strips only, and a cut", len(strips), text, cut)
	}
	// The picture comes back bit for bit as it was drawn.
	drawn, err := p.fonts.draw(ticket, 384)
	if err != nil {
		t.Fatal(err)
	}
	y, black := 0, 0
	for _, s := range strips {
		for i, v := range s.Pix {
			want := byte(255)
			if drawn.Pix[y*384+i] < 128 {
				want = 0
				black++
			}
			if v != want {
				t.Fatalf("dot %d,%d is %d, want %d", i%384, y+i/384, v, want)
			}
		}
		y += s.Rect.Dy()
	}
	if y != drawn.Rect.Dy() || black < 2000 {
		t.Errorf("%d of %d rows came, %d dots black", y, drawn.Rect.Dy(), black)
	}
}

// A letter with its marks decomposed is the same letter.
// sheet puts the strips below each other, as the paper comes out.
func sheet(strips []*image.Gray) *image.Gray {
	height := 0
	for _, s := range strips {
		height += s.Rect.Dy()
	}
	out := image.NewGray(image.Rect(0, 0, strips[0].Rect.Dx(), height))
	top := 0
	for _, s := range strips {
		top += copy(out.Pix[top:], s.Pix)
	}
	return out
}

func TestACodeIsPrintedBelowTheLinesWithAndWithoutAFont(t *testing.T) {
	const text = "A017 2026-11-24T08:15+07:00 mau/quay-1"
	code, err := draw.New(text)
	if err != nil {
		t.Fatal(err)
	}
	with := ticket
	with.Code = code
	for _, opt := range []Options{{Width: 576}, {Width: 384}, {Width: 576, Font: "none"}, {Width: 204, Font: "none"}} {
		p := newPrinter(t, filepath.Join(t.TempDir(), "lp0"), opt)
		b, err := p.encode(with)
		if err != nil {
			t.Fatal(err)
		}
		strips, _, _ := paper(t, b)
		got, err := qr.Decode(sheet(strips))
		if err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%d dots, font %q: the printed code says %q, %v; want %q", opt.Width, opt.Font, got, err, text)
		}
	}
}

func TestMarksAreOnTheirLetters(t *testing.T) {
	p := newPrinter(t, "/nowhere", Options{})
	a, err := p.encode(Paper{Lines: []string{"Nguyễn Thị Thử"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.encode(Paper{Lines: []string{"Nguye\u0302\u0303n Thi\u0323 Thu\u031b\u0309"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.encode(Paper{Lines: []string{"Nguyên Thi Thư"}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) || bytes.Equal(a, c) {
		t.Errorf("composed and decomposed are the same: %v, want true; with and without tones: %v, want false", bytes.Equal(a, b), bytes.Equal(a, c))
	}
}

func TestWithoutAFontItPrintsASCIIAndSaysSo(t *testing.T) {
	p := newPrinter(t, os.DevNull, Options{Font: "/nowhere/font.ttf"})
	if s := p.Status(); s.State != drivers.Ready || !strings.Contains(s.Detail, "without marks") {
		t.Errorf("status %+v, want ready and why it prints without marks", s)
	}
	data, err := p.encode(ticket)
	if err != nil {
		t.Fatal(err)
	}
	if _, text, cut := paper(t, data); !cut || !strings.HasPrefix(text, "Tram Y te Phuong Thu\nA017\nKhoa Mat\n\n08:15") {
		t.Errorf("cut %v, text %q", cut, text)
	}
}

// What a person typed must not command the printer.
func TestNothingInAPaperCommandsThePrinter(t *testing.T) {
	for _, font := range []string{"", "none"} {
		p := newPrinter(t, "/nowhere", Options{Font: font})
		data, err := p.encode(Paper{Number: "1", Lines: []string{"a\x1b@\x1dVB\x00\nb\x7f"}})
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte{0x1b, '@'}); n != 1 {
			t.Errorf("font %q: initialized %d times, want once", font, n)
		}
		if _, text, _ := paper(t, data); font == "none" && text != "1\na @ VB  b \n" {
			t.Errorf("text %q", text)
		}
	}
	p := newPrinter(t, "/nowhere", Options{Font: "none"})
	for _, big := range []Paper{{Title: strings.Repeat("x", 300)}, {Lines: make([]string, 101)}} {
		if _, err := p.encode(big); !errors.Is(err, ErrTooBig) {
			t.Errorf("too much: %v, want ErrTooBig", err)
		}
	}
}

func TestAPaperGoesOverASerialLineAndADeviceFile(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	p := newPrinter(t, slave.Name(), Options{Width: 384})
	want, err := p.encode(ticket)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	read := make(chan error, 1)
	go func() { _, err := io.ReadFull(master, got); read <- err }()
	if err := p.Print(context.Background(), ticket); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil || !bytes.Equal(got, want) {
		t.Errorf("over the line: %v; the same bytes: %v, want true", err, bytes.Equal(got, want))
	}
	file := filepath.Join(t.TempDir(), "lp0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p = newPrinter(t, file, Options{Width: 384})
	if err := p.Print(context.Background(), ticket); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); !bytes.Equal(got, want) {
		t.Errorf("device file: %d bytes, want the same %d", len(got), len(want))
	}
}

func TestAPrinterThatTakesNothingIsGivenUp(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "lp0")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	holder, err := os.OpenFile(fifo, os.O_RDWR, 0) // there, and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	p := newPrinter(t, fifo, Options{Width: 832})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	long := ticket
	long.Lines = slices.Repeat([]string{"Một dòng chữ"}, 60)
	if err := p.Print(ctx, long); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a full line: %v, want the context's end", err)
	}
	if err := newPrinter(t, "/nowhere/lp0", Options{}).Print(context.Background(), ticket); !errors.Is(err, ErrMissing) {
		t.Errorf("no printer: %v, want ErrMissing", err)
	}
}
