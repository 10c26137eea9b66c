// Package still looks at the first bytes of a still picture and says what it is
// and how large it will be, before a decoder allocates anything for it. It knows
// JPEG, PNG, and JPEG 2000 with and without its file wrapper: what chips and
// cameras hold. Everything else is ErrFormat.
package still

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
)

// ErrFormat is a file that is not a picture of a known format, or only the
// beginning of one.
var ErrFormat = errors.New("not a picture of a known format")

// ErrSize is a picture that claims to be larger than the caller allows.
var ErrSize = errors.New("picture is too large")

// Info is what a picture's header says.
type Info struct {
	Format        string // jpeg, png, jp2, j2k
	Width, Height int    // pixels
}

// MaxSide is the largest width or height that is believed.
const MaxSide = 12000

// Check reads the header of data and refuses what is not a picture, is cut off,
// or has more than maxPixels.
func Check(data []byte, maxPixels int) (Info, error) {
	info, err := read(data)
	if err != nil {
		return Info{}, err
	}
	if info.Width < 1 || info.Height < 1 {
		return Info{}, fmt.Errorf("%w: %d×%d pixels", ErrFormat, info.Width, info.Height)
	}
	if info.Width > MaxSide || info.Height > MaxSide || info.Width*info.Height > maxPixels {
		return Info{}, fmt.Errorf("%w: %d×%d pixels", ErrSize, info.Width, info.Height)
	}
	return info, nil
}

func read(data []byte) (Info, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xD8, 0xFF}):
		return readJPEG(data)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return Info{}, fmt.Errorf("%w: PNG header: %v", ErrFormat, err) //nolint:errorlint // one sentinel is enough
		}
		if !bytes.Contains(data, []byte("IEND")) {
			return Info{}, fmt.Errorf("%w: a PNG that is cut off", ErrFormat)
		}
		return Info{"png", c.Width, c.Height}, nil
	case bytes.HasPrefix(data, []byte("\x00\x00\x00\x0CjP  \r\n\x87\n")):
		return readJP2(data)
	case bytes.HasPrefix(data, []byte{0xFF, 0x4F, 0xFF, 0x51}):
		return readCodestream(data, "j2k")
	}
	return Info{}, ErrFormat
}

func readJPEG(data []byte) (Info, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Info{}, fmt.Errorf("%w: JPEG header: %v", ErrFormat, err) //nolint:errorlint // one sentinel is enough
	}
	// A decoder fills what is missing with grey; a face must not be compared with that.
	scan := bytes.LastIndex(data, []byte{0xFF, 0xDA})
	if scan < 0 || bytes.LastIndex(data, []byte{0xFF, 0xD9}) < scan {
		return Info{}, fmt.Errorf("%w: a JPEG that is cut off", ErrFormat)
	}
	return Info{"jpeg", c.Width, c.Height}, nil
}

// readJP2 finds the codestream in the boxes of ISO 15444-1 annex I; the size that
// counts is the codestream's own.
func readJP2(data []byte) (Info, error) {
	for rest := data; len(rest) >= 8; {
		size := uint64(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		head := uint64(8)
		if size == 1 {
			if len(rest) < 16 {
				break
			}
			size, head = binary.BigEndian.Uint64(rest[8:]), 16
		}
		if size == 0 {
			size = uint64(len(rest))
		}
		if size < head || size > uint64(len(rest)) {
			if kind == "jp2c" && uint64(len(rest)) > head {
				return Info{}, fmt.Errorf("%w: a JPEG 2000 that is cut off", ErrFormat)
			}
			break
		}
		if kind == "jp2c" {
			return readCodestream(rest[head:size], "jp2")
		}
		rest = rest[size:]
	}
	return Info{}, fmt.Errorf("%w: a JPEG 2000 without a codestream", ErrFormat)
}

// readCodestream reads the SIZ segment, ISO 15444-1 annex A.5.1.
func readCodestream(data []byte, format string) (Info, error) {
	const need = 4 + 2 + 2 + 8*4 + 2
	if len(data) < need || !bytes.HasPrefix(data, []byte{0xFF, 0x4F, 0xFF, 0x51}) {
		return Info{}, fmt.Errorf("%w: JPEG 2000 header", ErrFormat)
	}
	u := func(i int) int64 { return int64(binary.BigEndian.Uint32(data[8+4*i:])) }
	width, height := u(0)-u(2), u(1)-u(3)
	tileW, tileH := u(4), u(5)
	parts := binary.BigEndian.Uint16(data[40:])
	if width < 1 || height < 1 || tileW < 1 || tileH < 1 || parts < 1 || parts > 4 {
		return Info{}, fmt.Errorf("%w: JPEG 2000 sizes", ErrFormat)
	}
	// Many tiny tiles make a decoder slow and large.
	if ((width+tileW-1)/tileW)*((height+tileH-1)/tileH) > 4096 {
		return Info{}, fmt.Errorf("%w: too many tiles", ErrSize)
	}
	return Info{format, int(min(width, 1<<30)), int(min(height, 1<<30))}, nil
}
