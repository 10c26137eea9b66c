package notices

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tram/agent/keep"
	"tram/sync/seal"
)

// again is after how long a picture is tried again that could not be made.
const again = time.Minute

// maxClean bounds a clean picture, in bytes: the worker makes 960×480 pixels at most.
const maxClean = 1 << 20

// Run makes the pictures of each list that comes, until ctx ends; it returns nil then.
func (b *Board) Run(ctx context.Context) error {
	bad := map[string]bool{} // pictures that are none
	for {
		retry := b.pictures(ctx, bad)
		timer := time.NewTimer(again)
		if !retry {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-b.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pictures makes what is missing and removes what belongs to no notice. It reports
// whether something is to be tried again.
func (b *Board) pictures(ctx context.Context, bad map[string]bool) (retry bool) {
	all, err := b.opt.Lists.Notices()
	if err != nil {
		return false // Now has said so
	}
	wanted, seen, news := map[string]bool{}, map[string]bool{}, false
	for _, n := range all {
		if len(n.Picture) == 0 {
			continue
		}
		name := hash(n.Picture)
		seen[name] = true
		if wanted[name] || bad[name] {
			continue
		}
		if !b.files.has(name) {
			isBad, err := b.cleaned(ctx, name, n.Picture)
			if ctx.Err() != nil {
				return false
			}
			if err != nil {
				bad[name], retry = isBad, retry || !isBad
				b.opt.Log.Warn("picture of a notice not shown", "notice", n.ID, "err", err)
				continue
			}
		}
		wanted[name] = true
		b.mu.Lock()
		news = news || !b.ready[name]
		b.ready[name] = true
		b.mu.Unlock()
	}
	maps.DeleteFunc(bad, func(name string, _ bool) bool { return !seen[name] })
	b.mu.Lock()
	for name := range b.ready {
		if !wanted[name] {
			delete(b.ready, name)
		}
	}
	b.mu.Unlock()
	if err := b.files.removeBut(wanted); err != nil {
		b.opt.Log.Error("old pictures not removed", "err", err)
	}
	if news {
		b.opt.Changed()
	}
	return retry
}

func (b *Board) cleaned(ctx context.Context, name string, picture []byte) (bad bool, err error) {
	jpeg, bad, err := b.opt.Clean(ctx, picture)
	if err != nil {
		return bad, fmt.Errorf("make a clean picture: %w", err)
	}
	if len(jpeg) == 0 || len(jpeg) > maxClean {
		return true, fmt.Errorf("make a clean picture: it has %d bytes", len(jpeg))
	}
	return false, b.files.write(name, jpeg)
}

// files are the clean pictures on the disk.
type files struct {
	dir string
	box keep.Box
}

const suffix = ".jwe"

func label(name string) string { return "notice picture " + name }

func (f files) path(name string) string { return filepath.Join(f.dir, name+suffix) }

// has reports whether a picture is there and can be opened.
func (f files) has(name string) bool {
	_, err := f.read(name)
	return err == nil
}

func (f files) read(name string) ([]byte, error) {
	sealed, err := os.ReadFile(f.path(name))
	if err != nil {
		return nil, fmt.Errorf("read a notice's picture: %w", err)
	}
	return f.box.Open(label(name), sealed)
}

func (f files) write(name string, jpeg []byte) error {
	sealed, err := f.box.Seal(label(name), jpeg)
	if err != nil {
		return fmt.Errorf("keep a notice's picture: %w", err)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("keep a notice's picture: %w", err)
	}
	if err := seal.WriteFile(f.path(name), sealed, 0o600); err != nil {
		return fmt.Errorf("keep a notice's picture: %w", err)
	}
	return nil
}

// removeBut removes all but those pictures.
func (f files) removeBut(wanted map[string]bool) error {
	found, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range found {
		if name, ok := strings.CutSuffix(d.Name(), suffix); ok && !wanted[name] {
			err = errors.Join(err, os.Remove(filepath.Join(f.dir, d.Name())))
		}
	}
	return err
}
