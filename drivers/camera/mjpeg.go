package camera

import (
	"bufio"
	"errors"
	"fmt"
)

// Markers of ISO 10918-1, table B.1.
const (
	markSOI = 0xD8
	markEOI = 0xD9
	markSOS = 0xDA
)

// maxGarbage is how many bytes without a picture are read before a stream counts as none.
const maxGarbage = 2 * maxFrameBytes

// errGarbage is a stream in which no picture is found.
var errGarbage = errors.New("no JPEG pictures in it")

// nextJPEG returns the next whole JPEG of a stream of them. It looks at the JPEG's
// own markers and not at what lies between, since cameras disagree about
// boundaries and lengths; a picture that is cut off or too large is passed over.
func nextJPEG(r *bufio.Reader, limit int) ([]byte, error) {
	skipped := 0
	var last byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if skipped++; skipped > maxGarbage {
			return nil, errGarbage
		}
		if last != 0xFF || b != markSOI {
			last = b
			continue
		}
		s := splitter{r: r, limit: limit}
		data, err := s.picture()
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, errGarbage) {
			return nil, err
		}
		skipped += s.read
		last = 0
	}
}

// splitter reads one picture, from after its SOI.
type splitter struct {
	r     *bufio.Reader
	limit int
	data  []byte
	read  int
}

func (s *splitter) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	s.read++
	if len(s.data) >= s.limit || s.read > maxGarbage {
		return 0, fmt.Errorf("%w: a picture of more than %d bytes", errGarbage, s.limit)
	}
	s.data = append(s.data, b)
	return b, nil
}

func (s *splitter) picture() ([]byte, error) {
	s.data = append(s.data[:0], 0xFF, markSOI)
	marker, err := s.marker()
	for ; err == nil; marker, err = s.marker() {
		for marker == markSOS && err == nil {
			if err = s.segment(); err == nil {
				marker, err = s.entropy()
			}
		}
		switch {
		case err != nil:
			return nil, err
		case marker == markEOI:
			return s.data, nil
		case marker == markSOI: // the last one was cut off, another begins
			s.data = append(s.data[:0], 0xFF, markSOI)
			continue
		}
		if err := s.segment(); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// marker reads FF and what follows; fill bytes are allowed.
func (s *splitter) marker() (byte, error) {
	b, err := s.byte()
	if err != nil {
		return 0, err
	}
	if b != 0xFF {
		return 0, fmt.Errorf("%w: no marker where one must be", errGarbage)
	}
	for b == 0xFF && err == nil {
		b, err = s.byte()
	}
	if err == nil && (b == 0 || b == 1 || b >= 0xD0 && b <= 0xD7) {
		return 0, fmt.Errorf("%w: marker %02X", errGarbage, b)
	}
	return b, err
}

// segment reads a length and as many bytes.
func (s *splitter) segment() error {
	high, err := s.byte()
	if err != nil {
		return err
	}
	low, err := s.byte()
	if err != nil {
		return err
	}
	n := int(high)<<8 | int(low)
	if n < 2 {
		return fmt.Errorf("%w: a segment of %d bytes", errGarbage, n)
	}
	for range n - 2 {
		if _, err := s.byte(); err != nil {
			return err
		}
	}
	return nil
}

// entropy reads coded data up to the next marker that is not part of it.
func (s *splitter) entropy() (byte, error) {
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		for b == 0xFF {
			if b, err = s.byte(); err != nil {
				return 0, err
			}
			if b != 0xFF && b != 0 && (b < 0xD0 || b > 0xD7) {
				return b, nil
			}
		}
	}
}
