package emrtd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/tlv"
)

// Bounds of a read.
const (
	defaultMaxFile = 1 << 20
	highestMaxFile = 3 << 20 // so that a file costs less than 4 MiB with all that is around it
	defaultTimeout = 60 * time.Second
	maxReopen      = 6 // times that a lost session is opened anew
)

// reader is one read of one chip.
type reader struct {
	*channel
	password Password
	options  Options
	random   io.Reader
	doc      *Document

	offers    []pace.Info // nil: not asked yet
	ambiguous bool        // the chip offers more than one way of PACE
	assumed   bool        // the chip did not say what it offers
	way       string      // "PACE" or "BAC" when the chip was opened by it
	sfi       bool        // the card seems to read files by their short identifier
	sfiSeen   bool        // and did so in the application
	selected  bool        // whether SELECT finds files of the application was seen
	reopened  int

	kind         string // of the card, see habits
	met          habits // what was known of its kind
	extended     bool   // the card takes extended length
	longSeen     bool   // and gave a file by it
	refused      bool   // it said so and does not, or its reader does not
	whole        bool   // with extended length it takes no Le but 0000
	size         int    // bytes asked for at once; 0: not chosen yet
	askedLengths bool   // EF.ATR/INFO was asked for, or need not be
	saidLengths  bool   // and it or the ATR says whether the card takes extended length
	trial        bool   // neither does, and extended length is being tried

	mapped        *mappedKey // of PACE with chip authentication mapping
	security      []byte     // EF.CardSecurity
	askedSecurity bool
}

// Read opens the chip with the password, reads its files and lets it prove the
// keys in DG14 and DG15, if these are among them. It returns as soon as ctx ends, with ctx's error. The errors to tell apart are ErrAccessDenied,
// ErrNoApplication, ErrCardGone, ErrTimeout, ErrProtocol, ErrTooLarge, ErrNotSupported and
// StatusError; a single file that the chip does not give is no error but is listed
// in Skipped.
//
// A card that also has a method ATR() []byte is read in larger pieces when it says there,
// or in EF.ATR/INFO, that it takes extended length; where it says nothing, that is tried once. Where it has a method Name() string too,
// the name of its reader, what turned out to work is remembered for cards of the same ATR
// on that reader.
func Read(ctx context.Context, card Transceiver, pw Password, opt Options) (*Document, error) {
	return newReader(card, pw, opt, rand.Reader).read(ctx)
}

func newReader(card Transceiver, pw Password, opt Options, random io.Reader) *reader {
	if opt.MaxFile <= 0 {
		opt.MaxFile = defaultMaxFile
	}
	opt.MaxFile = min(opt.MaxFile, highestMaxFile)
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	doc := &Document{Files: Files{}}
	r := &reader{channel: &channel{card: card, link: &doc.Link}, password: pw, options: opt, random: random, doc: doc}
	r.recallHabits(card)
	return r
}

// read bounds the time of the whole.
func (r *reader) read(ctx context.Context) (*Document, error) {
	if r.options.Timeout < 0 {
		return r.readAll(ctx)
	}
	timed, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, ErrTimeout)
	defer cancel()
	doc, err := r.readAll(timed)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return nil, fmt.Errorf("read the chip: %w: more than %v", ErrTimeout, r.options.Timeout)
	}
	return doc, err
}

func (r *reader) readAll(ctx context.Context) (*Document, error) {
	if !r.password.secret.IsSet() {
		return nil, fmt.Errorf("read the chip: %w: none given", ErrPassword)
	}
	r.progress("access", "", 0, 0)
	if err := r.timed("access", func() error { return r.open(ctx) }); err != nil {
		return nil, fmt.Errorf("open the chip: %w", err)
	}
	r.link.AccessAPDUs = r.link.APDUs
	for _, id := range []FileID{EFCOM, EFSOD} {
		if id == EFSOD { // the first that is certain to be longer than a short answer
			r.tryLong()
		}
		if err := r.fetch(ctx, id); err != nil {
			return nil, fmt.Errorf("read the chip: %w", err)
		}
	}
	for _, id := range r.plan() {
		if err := r.fetch(ctx, id); err != nil {
			return nil, fmt.Errorf("read the chip: %w", err)
		}
	}
	r.endTrial()
	if err := r.prove(ctx); err != nil {
		return nil, fmt.Errorf("let the chip prove its keys: %w", err)
	}
	r.learn()
	return r.doc, nil
}

func (r *reader) timed(name string, do func() error) error {
	start := time.Now()
	err := do()
	r.doc.Steps = append(r.doc.Steps, Step{Name: name, Took: time.Since(start)})
	return err
}

func (r *reader) progress(step, file string, done, total int) {
	if r.options.Progress != nil {
		r.options.Progress(Progress{Step: step, File: file, Done: done, Total: total})
	}
}

func (r *reader) skip(id FileID, reason string) {
	r.doc.Skipped = append(r.doc.Skipped, Skipped{File: id, Reason: reason})
}

// plan lists the data groups to read: what the SOD has hashes of and what COM
// announces, or what is wanted; DG1 and DG13 first, the portrait last. What
// cannot be read is skipped here.
func (r *reader) plan() []FileID {
	signed, listed := announced(r.doc.Files)
	present, want := signed, r.options.Want
	if len(signed) == 0 {
		present = listed
	}
	if want == nil {
		want = slices.Concat(signed, listed)
	}
	if len(present) == 0 && want == nil {
		for n := 1; n <= 16; n++ { // nothing known: ask
			want = append(want, DG(n))
		}
	}
	seen := map[FileID]bool{}
	var out []FileID
	for _, id := range want {
		switch {
		case id.Group() == 0 || seen[id]:
			continue
		case len(present) > 0 && !slices.Contains(present, id) && slices.Contains(listed, id):
			r.skip(id, "not covered by the SOD")
		case len(present) > 0 && !slices.Contains(present, id):
			r.skip(id, "not on this chip")
		case id == DG3 || id == DG4:
			r.skip(id, "protected by Extended Access Control")
		default:
			out = append(out, id)
		}
		seen[id] = true
	}
	rank := func(id FileID) int {
		switch id {
		case DG1:
			return 1
		case DG13:
			return 2
		case DG2:
			return 1000
		}
		return 10 + id.Group()
	}
	slices.SortStableFunc(out, func(a, b FileID) int { return rank(a) - rank(b) })
	return out
}

// announced returns the data groups that the SOD has hashes of and those that COM
// lists. Where there is a SOD it counts: what it does not cover is worth nothing.
func announced(files Files) (signed, listed []FileID) {
	if sod, err := parseSOD(files[EFSOD]); err == nil {
		for _, h := range sod.object.hashes {
			signed = append(signed, DG(h.group))
		}
	}
	for _, n := range comGroups(files[EFCOM]) {
		listed = append(listed, DG(n))
	}
	slices.Sort(signed)
	slices.Sort(listed)
	return signed, slices.Compact(listed)
}

// groupTags are the outer tags of data groups 1 to 16 (Doc 9303-10 table 38).
var groupTags = [17]byte{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

func comGroups(com []byte) []int {
	nodes, _, err := tlv.Parse(com, tlv.Limits{Depth: 4, Nodes: 32, Length: 4096})
	if err != nil {
		return nil
	}
	list, ok := tlv.Find(nodes, 0x60, 0x5C)
	if !ok {
		return nil
	}
	var out []int
	for _, tag := range list.Value {
		if n := bytes.IndexByte(groupTags[1:], tag); n >= 0 {
			out = append(out, n+1)
		}
	}
	return out
}

// fetch reads one file into the document, or skips it with a reason. A session
// that the card lost over it is opened anew.
func (r *reader) fetch(ctx context.Context, id FileID) error {
	defer r.settleTrial()
	var b []byte
	err := r.timed(id.String(), func() (err error) {
		b, err = r.file(ctx, id)
		return err
	})
	var status *StatusError
	var lost *errSessionLost
	var long *errLongRefused
	switch {
	case err == nil:
		r.doc.Files[id] = b
		return nil
	case errors.As(err, &lost):
		return r.recover(ctx, id, lost)
	case errors.As(err, &long):
		r.refuseLong()
		if r.toMasterFile(ctx) != nil || r.open(ctx) != nil {
			return err // the card is gone indeed
		}
		return r.fetch(ctx, id)
	case errors.As(err, &status):
		r.skip(id, reasonOf(status.SW))
		return nil
	case errors.Is(err, ErrProtocol) && !errors.Is(err, ErrCardGone):
		r.skip(id, "what the chip gives is not this file")
		return nil
	}
	return err
}

func reasonOf(sw uint16) string {
	switch sw {
	case 0x6982, 0x6985, 0x6986:
		return fmt.Sprintf("the chip does not allow it (status %04X)", sw)
	case 0x6A82, 0x6A83, 0x6A86:
		return fmt.Sprintf("not on this chip (status %04X)", sw)
	}
	return fmt.Sprintf("the chip does not give it (status %04X)", sw)
}

// file reads one file of the application.
func (r *reader) file(ctx context.Context, id FileID) ([]byte, error) {
	if r.size == 0 {
		r.size = r.largest()
	}
	f := &file{
		channel: r.channel, id: id, max: r.options.MaxFile, size: &r.size, extended: r.extended, whole: &r.whole, trial: r.trial,
		progress: func(done, total int) { r.progress("files", id.String(), done, total) },
	}
	if r.sfi {
		f.sfi = byte(id & 0x1F)
		b, err := f.read(ctx)
		var status *StatusError
		if err == nil && tagFits(id, b) {
			r.sfiSeen, r.longSeen = true, r.longSeen || r.extended
			return b, nil
		}
		if err != nil && !errors.As(err, &status) {
			return nil, err
		}
		if err != nil && r.sfiSeen && (status.SW == 0x6982 || status.SW == 0x6A82) {
			return nil, err
		}
		f.sfi = 0
	}
	if err := r.selectFile(ctx, id); err != nil {
		if b, later := r.bySFI(ctx, f, err); b != nil || later != nil {
			return b, later
		}
		return nil, err
	}
	r.sfi, r.selected = false, true // SELECT finds what the short identifier does not
	b, err := f.read(ctx)
	r.longSeen = r.longSeen || err == nil && r.extended
	if err == nil && !tagFits(id, b) {
		return nil, fmt.Errorf("read %v: %w: it begins with tag %02X", id, ErrProtocol, b[0])
	}
	return b, err
}

// bySFI reads a file by its short identifier after SELECT refused it, once, on a card where
// neither was seen to work. It returns nothing when that does not help; an error ends the
// session or the read.
func (r *reader) bySFI(ctx context.Context, f *file, refused error) ([]byte, error) {
	var status *StatusError
	if r.sfi || r.sfiSeen || r.selected || !errors.As(refused, &status) {
		return nil, nil
	}
	r.selected = true
	f.sfi = byte(f.id & 0x1F)
	b, err := f.read(ctx)
	var lost *errSessionLost
	switch {
	case err == nil && tagFits(f.id, b):
		r.sfi, r.sfiSeen, r.longSeen = true, true, r.longSeen || r.extended
		return b, nil
	case fatal(err), errors.As(err, &lost):
		return nil, err
	}
	return nil, nil
}

// tagFits reports whether a file begins with the tag that it must have.
func tagFits(id FileID, b []byte) bool {
	switch {
	case len(b) == 0:
		return false
	case id == EFCOM:
		return b[0] == 0x60
	case id == EFSOD:
		return b[0] == 0x77
	}
	return b[0] == groupTags[id.Group()]
}

// largest returns how many bytes to ask for at first.
func (r *reader) largest() int {
	switch {
	case r.extended:
		return extendedSizes[0]
	case r.session != nil:
		return r.session.MaxShortRead()
	}
	return shortSizes[0]
}

func (r *reader) selectFile(ctx context.Context, id FileID) error {
	name := []byte{byte(id >> 8), byte(id)}
	_, err := r.must(ctx, fmt.Sprintf("select %v", id), apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: name, Le: apdu.NoLe})
	var status *StatusError
	if errors.As(err, &status) && (status.SW == 0x6700 || status.SW == 0x6A86) {
		// Some chips only know the form that gives file control information back.
		_, err = r.must(ctx, fmt.Sprintf("select %v", id), apdu.Command{INS: 0xA4, P1: 2, P2: 0x00, Data: name, Le: 256})
	}
	return err
}
