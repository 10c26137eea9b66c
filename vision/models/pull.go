package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ImportFile installs one file as the network of a name. sum, which may be
// empty, is a SHA-256 that the operator has from elsewhere: it must be the list's.
func ImportFile(file, dir, name, sum string) error {
	e, ok := Named(name)
	if !ok {
		return fmt.Errorf("import %s: there is no network %q on the list: %w", file, name, ErrMissing)
	}
	if sum != "" && !strings.EqualFold(sum, e.SHA256) {
		return fmt.Errorf("import %s: %w: you were told SHA-256 %s, the list says %s", file, ErrWrong, sum, e.SHA256)
	}
	data, err := read(file, e)
	if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	return install(dir, e, data)
}

// Pull downloads the pinned files that dir lacks, but the optional ones only when
// they are named; client may be nil for the default one. A download that broke
// off goes on where it stopped at the next call; no byte above the pinned size is
// taken. Without an address upstream a file is ErrNoURL.
func Pull(ctx context.Context, dir string, client *http.Client, names ...string) ([]string, error) {
	if client == nil {
		client = http.DefaultClient
	}
	wanted := map[string]bool{}
	for _, n := range names {
		if _, ok := Named(n); !ok {
			return nil, fmt.Errorf("pull %q: it is not on the list: %w", n, ErrMissing)
		}
		wanted[n] = true
	}
	var done []string
	var problems []error
	for _, s := range Verify(dir) {
		if s.State == OK || len(wanted) > 0 && !wanted[s.Name] || len(wanted) == 0 && s.Optional {
			continue
		}
		err := fetch(ctx, client, dir, s.Entry)
		if err != nil {
			problems = append(problems, fmt.Errorf("pull %s: %w", s.File, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		done = append(done, s.Name)
	}
	return done, errors.Join(problems...)
}

// fetch downloads e beside its place, as FILE.part, and installs it when its hash is right.
func fetch(ctx context.Context, client *http.Client, dir string, e Entry) error {
	if e.URL == "" {
		return ErrNoURL
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the models folder: %w", err)
	}
	part := filepath.Join(dir, e.File+".part")
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	err = download(ctx, client, e, f)
	var data []byte
	if err == nil {
		if data, err = read(part, e); err == nil {
			err = install(dir, e, data)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", e.URL, err)
		}
	}
	if err != nil && !useless(err) {
		return err // what came stays for the next time
	}
	_ = os.Remove(part)
	return err
}

// useless reports whether nothing is to be kept of a download that ended with err:
// it is not the beginning of the file, or there is no room, which the queue of
// records needs more than half a network does.
func useless(err error) bool {
	return errors.Is(err, ErrWrong) || errors.Is(err, errRefused) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

var errRefused = errors.New("the server refuses")

// download brings what f lacks of e.
func download(ctx context.Context, client *http.Client, e Entry, f *os.File) error {
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if at >= e.Size {
		return nil // whole; whether it is right is seen by its hash
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL, nil)
	if err != nil {
		return err
	}
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && at > 0 && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)):
	case resp.StatusCode == http.StatusOK:
		if at > 0 { // the server begins anew
			if err := f.Truncate(0); err != nil {
				return err
			}
			if at, err = f.Seek(0, io.SeekStart); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%w: %s answers %s", errRefused, e.URL, resp.Status)
	}
	if resp.ContentLength > e.Size-at {
		return fmt.Errorf("%s: %w: %d bytes, want %d", e.URL, ErrWrong, resp.ContentLength+at, e.Size)
	}
	n, err := io.Copy(f, io.LimitReader(resp.Body, e.Size-at+1))
	if err == nil && at+n > e.Size {
		return fmt.Errorf("%s: %w: more than %d bytes", e.URL, ErrWrong, e.Size)
	}
	if err == nil && at+n < e.Size && resp.ContentLength >= 0 {
		return fmt.Errorf("%s: %w: %d bytes, want %d", e.URL, ErrWrong, at+n, e.Size)
	}
	return err
}
