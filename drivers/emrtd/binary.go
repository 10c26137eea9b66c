package emrtd

import (
	"context"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/tlv"
)

// Sizes that are asked for at once, the largest first: with extended length, then
// with short. Under secure messaging an answer of 256 bytes carries 231 or 223.
var (
	extendedSizes = []int{65000, 32000, 8192, 2048, 1024}
	shortSizes    = []int{256, 231, 223, 192, 128, 64}
)

// wholeFile asks for as many bytes as there are: Le = 0000, the only extended one that some
// cards take.
const wholeFile = 65536

// patience is how many commands a card may answer with crumbs before the read
// of a file is given up.
const patience = 64

// file reads one elementary file.
type file struct {
	*channel
	id       FileID
	sfi      byte  // non-zero: the first read selects the file by it
	max      int   // longest file accepted
	size     *int  // bytes asked for at once, remembered between files
	extended bool  // extended length is known to work
	whole    *bool // the card takes no extended Le but 0000, remembered between files
	progress func(done, total int)
	trial    bool // extended length is only tried: short when it is refused
	refused  int  // the first extended length that was refused, after which the whole is asked for
}

// read returns the file: as many bytes as its TLV header says.
func (f *file) read(ctx context.Context) ([]byte, error) {
	buf, err := f.first(ctx)
	if err != nil {
		return nil, err
	}
	total, buf, err := f.total(ctx, buf)
	if err != nil {
		return nil, err
	}
	f.report(min(len(buf), total), total)
	buf = roomFor(buf, min(total, firstRoom))
	for commands := 1; len(buf) < total; commands++ {
		if commands > patience && len(buf)/commands < 16 {
			return nil, fmt.Errorf("read %v: %w: %d bytes in %d commands", f.id, ErrProtocol, len(buf), commands)
		}
		more, err := f.block(ctx, len(buf), min(*f.size, total-len(buf)))
		if err != nil {
			return nil, err
		}
		if n := len(buf) + len(more); n > cap(buf) {
			buf = roomFor(buf, max(n, min(total, 2*cap(buf)))) // as much as has come, not as much as is claimed
		}
		buf = append(buf, more...)
		f.report(min(len(buf), total), total)
	}
	return buf[:total:total], nil
}

// firstRoom is what is allocated for a file before its bytes have come: most need no more.
const firstRoom = 32 << 10

// roomFor returns buf with room for n bytes in all.
func roomFor(buf []byte, n int) []byte {
	return append(make([]byte, 0, max(n, len(buf))), buf...)
}

func (f *file) report(done, total int) {
	if f.progress != nil {
		f.progress(done, total)
	}
}

// first reads the beginning: a full block, which is the whole of a small file. A
// card that refuses to read past the end of a small file is asked for the header.
func (f *file) first(ctx context.Context) ([]byte, error) {
	b, err := f.block(ctx, 0, *f.size)
	var status *StatusError
	if !errors.As(err, &status) || !lengthProblem(status.SW) {
		return b, err
	}
	return f.binary(ctx, 0, 4)
}

// total reads the header's length, for which it may fetch a few bytes more, and
// holds it against the bound before anything else is read.
func (f *file) total(ctx context.Context, buf []byte) (int, []byte, error) {
	h, err := tlv.ReadHeader(buf)
	for tries := 0; errors.Is(err, tlv.ErrTruncated) && tries < 4; tries++ {
		more, readErr := f.binary(ctx, len(buf), 4)
		if readErr != nil {
			return 0, nil, readErr
		}
		buf = append(buf, more...)
		h, err = tlv.ReadHeader(buf)
	}
	switch {
	case errors.Is(err, tlv.ErrLimit) || (err == nil && h.Length > f.max-h.Size):
		return 0, nil, fmt.Errorf("read %v: %w: more than %d bytes", f.id, ErrTooLarge, f.max)
	case err != nil:
		return 0, nil, fmt.Errorf("read %v: %w: %w", f.id, ErrProtocol, err)
	}
	return h.Size + h.Length, buf, nil
}

// block reads up to n bytes at offset; when the card refuses the size it goes
// down the sizes and remembers which one worked.
func (f *file) block(ctx context.Context, offset, n int) ([]byte, error) {
	if f.extended && *f.whole {
		n = wholeFile
	}
	for {
		b, err := f.binary(ctx, offset, n)
		var status *StatusError
		if !errors.As(err, &status) || !lengthProblem(status.SW) {
			return b, err
		}
		smaller := f.smaller(n)
		if smaller == 0 || (offset == 0 && smaller < 128) {
			return nil, err
		}
		if offset == 0 && n <= 256 {
			return nil, err // may be a small file: first asks for its header
		}
		n, *f.size = smaller, smaller
		*f.whole = smaller == wholeFile
	}
}

func (f *file) smaller(n int) int {
	if f.extended && !f.trial {
		if n > 256 && f.refused == 0 {
			f.refused = n
			return wholeFile
		}
		for _, s := range extendedSizes {
			if s < min(n, f.refused) {
				return s
			}
		}
	}
	for _, s := range shortSizes {
		if s < n && (f.session == nil || s <= f.session.MaxShortRead()) {
			return s
		}
	}
	return 0
}

// lengthProblem: the status words by which cards say that they cannot give so
// many bytes, there or at once.
func lengthProblem(sw uint16) bool {
	switch sw {
	case 0x6700, 0x6B00, 0x6282, 0x6281, 0x6F00, 0x6A80, 0x6A86, 0x6A87, 0x6F01:
		return true
	}
	return sw>>8 == 0x6C
}

// binary is one READ BINARY. Fewer bytes than asked for are fine, none are not.
func (f *file) binary(ctx context.Context, offset, n int) ([]byte, error) {
	doing := fmt.Sprintf("read %v at %d", f.id, offset)
	cmd := apdu.Command{INS: 0xB0, P1: byte(offset >> 8), P2: byte(offset), Le: n, Extended: n > 256}
	odd := offset > 0x7FFF
	switch {
	case offset == 0 && f.sfi != 0:
		cmd.P1 = 0x80 | f.sfi
	case odd:
		cmd.INS, cmd.P1, cmd.P2 = 0xB1, 0, 0
		cmd.Data = tlv.Encode(0x54, offsetBytes(offset))
		if n+4 <= *f.size || n > 256 {
			cmd.Le = n + 4 // room for the header of data object 53
		}
	}
	r, err := f.exchange(ctx, cmd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if len(r.Data) == 0 || (r.SW != 0x9000 && r.SW != 0x6282 && r.SW != 0x6281) {
		if r.SW == 0x9000 {
			return nil, fmt.Errorf("%s: %w: no data", doing, ErrProtocol)
		}
		return nil, &StatusError{SW: r.SW, Doing: doing}
	}
	if !odd {
		return r.Data, nil
	}
	do, _, err := tlv.Next(r.Data)
	if err != nil || (do.Tag != 0x53 && do.Tag != 0x73) || len(do.Value) == 0 {
		return nil, fmt.Errorf("%s: %w: no data object 53", doing, ErrProtocol)
	}
	return do.Value, nil
}

func offsetBytes(offset int) []byte {
	if offset > 0xFFFF {
		return []byte{byte(offset >> 16), byte(offset >> 8), byte(offset)}
	}
	return []byte{byte(offset >> 8), byte(offset)}
}
