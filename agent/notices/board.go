package notices

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"tram/agent/keep"
	"tram/agent/visit"
	"tram/vision/qr/draw"
)

// Lists is where the hub's list lies; agent/keep has one.
type Lists interface {
	Notices() ([]keep.Notice, error)
	Changes() uint64
}

// A Cleaner decodes a picture and makes a JPEG for the screen of it. It says with
// bad that the picture is none, and will be none when it is asked again.
type Cleaner func(ctx context.Context, picture []byte) (jpeg []byte, bad bool, err error)

// Options is what a Board is made from.
type Options struct {
	Lists   Lists
	Clean   Cleaner
	Dir     string   // of the clean pictures
	Box     keep.Box // encrypts them
	Clock   func() (now time.Time, known bool)
	Changed func() // called when other notices are to be shown
	Log     *slog.Logger
}

// Board is the device's notices. Its methods may be called by several goroutines.
type Board struct {
	opt   Options
	files files
	wake  chan struct{} // told when a list came

	mu      sync.Mutex
	read    bool   // the list was read, at version
	version uint64 // Lists.Changes of what was read
	list    []entry
	ready   map[string]bool // pictures that are clean, by the hash of what came
}

// entry is a notice without the bytes of its picture.
type entry struct {
	keep.Notice
	picture string // hash of what came; "" for none
}

// New makes a Board; Run makes its pictures.
func New(opt Options) *Board {
	if opt.Changed == nil {
		opt.Changed = func() {}
	}
	return &Board{opt: opt, files: files{opt.Dir, opt.Box}, wake: make(chan struct{}, 1), ready: map[string]bool{}}
}

// Now are the notices that are to be shown at this moment, in the hub's order. A
// picture is named once it can be had.
func (b *Board) Now() []visit.Notice {
	now, known := b.opt.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []visit.Notice{}
	for _, n := range b.entries() {
		if !n.Shown(now, known) {
			continue
		}
		v := visit.Notice{ID: n.ID, Kind: n.Kind, Title: n.Title, Text: n.Text, Link: n.QR, Phone: n.Phone, Seconds: n.Seconds}
		at := "/v1/notices/" + url.PathEscape(n.ID)
		if n.QR != "" {
			v.QR = at + "/qr"
		}
		if n.picture != "" && b.ready[n.picture] {
			v.Picture = at + "/picture"
		}
		out = append(out, v)
	}
	return out
}

// Picture is the clean JPEG of a notice that is shown now.
func (b *Board) Picture(id string) ([]byte, bool) {
	n, ok := b.shown(id)
	if !ok || n.picture == "" {
		return nil, false
	}
	jpeg, err := b.files.read(n.picture)
	if err != nil {
		b.mu.Lock()
		delete(b.ready, n.picture) // it is made anew
		b.mu.Unlock()
		b.Wake()
		return nil, false
	}
	return jpeg, true
}

// Code is the QR code of a notice that is shown now, an SVG.
func (b *Board) Code(id string) ([]byte, bool) {
	n, ok := b.shown(id)
	if !ok || n.QR == "" {
		return nil, false
	}
	c, err := draw.New(n.QR)
	if err != nil { // the list was checked
		b.opt.Log.Error("code of a notice not drawn", "notice", id, "err", err)
		return nil, false
	}
	return c.SVG(), true
}

// Wake says that a list came, or that a picture is wanted.
func (b *Board) Wake() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *Board) shown(id string) (entry, bool) {
	now, known := b.opt.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.entries() {
		if n.ID == id && n.Shown(now, known) {
			return n, true
		}
	}
	return entry{}, false
}

// entries are the list as it is now; b.mu is held.
func (b *Board) entries() []entry {
	version := b.opt.Lists.Changes()
	if b.read && version == b.version {
		return b.list
	}
	all, err := b.opt.Lists.Notices()
	if err != nil {
		b.opt.Log.Error("notices not read", "err", err)
	}
	b.read, b.version, b.list = true, version, nil
	for _, n := range all {
		e := entry{Notice: n}
		if len(n.Picture) > 0 {
			e.picture = hash(n.Picture)
		}
		e.Picture = nil
		b.list = append(b.list, e)
	}
	b.Wake()
	return b.list
}

func hash(picture []byte) string {
	sum := sha256.Sum256(picture)
	return hex.EncodeToString(sum[:])
}
