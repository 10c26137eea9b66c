package camera

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocv.io/x/gocv"
)

// maxFrameBytes and maxFramePixels bound one picture of a folder.
const (
	maxFrameBytes  = 24 << 20
	maxFramePixels = 40_000_000
)

// folder plays the pictures of a folder in the order of their names.
type folder struct {
	dir    string
	names  []string
	at     int
	loop   bool
	played int // frames given since the folder was begun
}

func openFolder(dir string, loop bool) (*folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrNoCamera, dir, err) //nolint:errorlint // one sentinel is enough
	}
	f := &folder{dir: dir, loop: loop}
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png", ".jp2":
			f.names = append(f.names, e.Name())
		}
	}
	if len(f.names) == 0 {
		return nil, fmt.Errorf("%w: the folder %s holds no pictures", ErrNoCamera, dir)
	}
	slices.Sort(f.names)
	return f, nil
}

// next gives the next picture that can be read; the others are passed over.
func (f *folder) next(ctx context.Context, m *gocv.Mat) (Moment, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Moment{}, err
		}
		if f.at == len(f.names) {
			if f.played == 0 {
				return Moment{}, fmt.Errorf("%w: the folder %s holds no picture that can be read", ErrNoCamera, f.dir)
			}
			if !f.loop {
				return Moment{}, io.EOF
			}
			f.at, f.played = 0, 0
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
	file, err := os.Open(name)
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
