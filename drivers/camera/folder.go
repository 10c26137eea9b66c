package camera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocv.io/x/gocv"
	"golang.org/x/sys/unix"
)

// maxFrameBytes and maxFramePixels bound one picture of a folder, maxNames the
// pictures of one: more than ten hours at 25 a second.
const (
	maxFrameBytes  = 24 << 20
	maxFramePixels = 40_000_000
	maxNames       = 1_000_000
)

// sequences is where those of MOTChallenge and of OTB keep their frames, beside their truth.
var sequences = []string{"img1", "img"}

// folder plays the pictures of a folder in the order of their names and of the
// numbers in them. One that grows is played on, as long as new names come after
// the last.
type folder struct {
	dir    string
	names  []string
	at     int
	loop   bool
	played int // frames given since the folder was begun
}

func openFolder(dir string, loop bool) (*folder, error) {
	f := &folder{dir: dir, loop: loop}
	var err error
	if f.names, err = pictures(dir, ""); err != nil {
		return nil, err
	}
	if len(f.names) > 0 {
		return f, nil
	}
	for _, name := range sequences {
		frames := filepath.Join(dir, name)
		if f.names, err = pictures(frames, ""); err == nil && len(f.names) > 0 {
			f.dir = frames
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: the folder %s holds no pictures", ErrNoCamera, dir)
}

// pictures lists the names in a folder that are those of pictures and come after one.
func pictures(dir, after string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrNoCamera, dir, err) //nolint:errorlint // one sentinel is enough
	}
	defer d.Close()
	all, err := d.Readdirnames(maxNames + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %s: %v", ErrNoCamera, dir, err) //nolint:errorlint // one sentinel is enough
	case len(all) > maxNames:
		return nil, fmt.Errorf("%w: the folder %s holds more than %d files", ErrNoCamera, dir, maxNames)
	}
	var names []string
	for _, name := range all {
		switch strings.ToLower(filepath.Ext(name)) {
		case ".jpg", ".jpeg", ".png", ".jp2":
			if after == "" || byNumber(name, after) > 0 {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, byNumber)
	return names, nil
}

// byNumber compares names as people do who number without leading zeros: 2.jpg
// comes before 10.jpg.
func byNumber(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// digits is how many of them a text begins with.
func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// onward is at the end of the names: what came since, or the beginning again.
func (f *folder) onward() error {
	more, err := pictures(f.dir, f.names[len(f.names)-1])
	switch {
	case err != nil:
		return err
	case len(more) > 0:
		f.names, f.at = more, 0
		return nil
	case f.played == 0:
		return fmt.Errorf("%w: the folder %s holds no picture that can be read, of at most %d megapixels and %d MB", ErrNoCamera, f.dir, maxFramePixels/1_000_000, maxFrameBytes>>20)
	case !f.loop:
		return io.EOF
	}
	again, err := openFolder(f.dir, true)
	if err == nil {
		f.names, f.at, f.played = again.names, 0, 0
	}
	return err
}

// next gives the next picture that can be read; the others are passed over.
func (f *folder) next(ctx context.Context, m *gocv.Mat) (Moment, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Moment{}, err
		}
		if f.at == len(f.names) {
			if err := f.onward(); err != nil {
				return Moment{}, err
			}
		}
		name := filepath.Join(f.dir, f.names[f.at])
		f.at++
		if readStill(name, m) {
			f.played++
			return Moment{At: time.Now(), Stamp: -1}, nil
		}
	}
}

func readStill(name string, m *gocv.Mat) bool {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe would hold whoever opens it
	if err != nil {
		return false
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxFrameBytes {
		return false
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFrameBytes))
	if err != nil {
		return false
	}
	return decodeInto(data, m)
}

func (f *folder) close() {}
