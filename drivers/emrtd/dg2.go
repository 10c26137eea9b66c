package emrtd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"tram/drivers/emrtd/tlv"
	"tram/drivers/privacy"
)

// Portrait is the picture of DG2 as it stands there, not decoded: pictures from
// cards are decoded by the camera worker only.
type Portrait struct {
	Data   privacy.Private[[]byte]
	Format string // "jpeg" or "jp2" (a JP2 file or a bare JPEG 2000 code stream)
}

// ErrDG2 says that DG2 holds no portrait that can be found.
var ErrDG2 = errors.New("DG2 holds no portrait")

// Beginnings of pictures.
var (
	magicJPEG       = []byte{0xFF, 0xD8, 0xFF}
	magicJP2        = []byte{0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20}
	magicCodestream = []byte{0xFF, 0x4F, 0xFF, 0x51}
)

// maxFaces bounds the portraits of one DG2.
const maxFaces = 16

// ParseDG2 finds the first portrait in DG2 (Doc 9303-10 §4.7.2): a face record
// of ISO/IEC 19794-5 or of ISO/IEC 39794-5, also without the data group around it.
func ParseDG2(raw []byte) (Portrait, error) {
	all, err := ParseFaces(raw)
	if err != nil {
		return Portrait{}, err
	}
	return all[0], nil
}

// ParseFaces finds every portrait in DG2, at least one.
func ParseFaces(raw []byte) ([]Portrait, error) {
	if bytes.HasPrefix(raw, []byte("FAC\x00")) {
		return faces19794(raw)
	}
	s := faceSearch{budget: 4096, reason: ErrDG2}
	s.in(raw, 12)
	if len(s.found) == 0 {
		return nil, s.reason
	}
	return s.found, nil
}

type faceSearch struct {
	budget int
	found  []Portrait
	reason error // why nothing was found
}

// in goes through the data objects, depth first, to the face records of ISO/IEC
// 19794-5 and the values that are pictures.
func (s *faceSearch) in(b []byte, depth int) {
	for len(b) > 0 && depth > 0 && len(s.found) < maxFaces {
		if s.budget--; s.budget < 0 {
			s.reason = fmt.Errorf("%w: too many data objects", ErrDG2)
			return
		}
		n, rest, err := tlv.Next(b)
		if err != nil {
			if s.reason == ErrDG2 {
				s.reason = fmt.Errorf("%w: %w", ErrDG2, err)
			}
			return
		}
		b = rest
		switch {
		case bytes.HasPrefix(n.Value, []byte("FAC\x00")):
			found, err := faces19794(n.Value)
			if err != nil {
				s.reason = err
			}
			s.found = append(s.found, found[:min(len(found), maxFaces-len(s.found))]...)
		case pictureFormat(n.Value) != "":
			s.found = append(s.found, portrait(n.Value))
		case n.Constructed():
			s.in(n.Value, depth-1)
		}
	}
}

// Sizes of ISO/IEC 19794-5:2005 in bytes.
const (
	facialHeader     = 14 // "FAC\0", version, length of the record, number of faces
	facialInfo       = 20 // length of the face's block, number of feature points, …
	featurePoint     = 8
	imageInfo        = 12 // kind, format, width, height, …
	maxFeaturePoints = 4096
)

// faces19794 takes the pictures out of a facial record, one for each face.
func faces19794(b []byte) ([]Portrait, error) {
	if len(b) < facialHeader+facialInfo+imageInfo {
		return nil, fmt.Errorf("%w: facial record of %d bytes", ErrDG2, len(b))
	}
	count := int(binary.BigEndian.Uint16(b[facialHeader-2:]))
	var out []Portrait
	for block := b[facialHeader:]; len(out) < min(max(count, 1), maxFaces); {
		if len(block) < facialInfo+imageInfo {
			break
		}
		length := uint64(binary.BigEndian.Uint32(block))
		points := int(binary.BigEndian.Uint16(block[4:]))
		start := facialInfo + points*featurePoint + imageInfo
		if points > maxFeaturePoints || start >= len(block) {
			if len(out) > 0 {
				break
			}
			return nil, fmt.Errorf("%w: facial record with %d feature points in %d bytes", ErrDG2, points, len(b))
		}
		// The block's length is often wrong by a little; of a single face, what counts is
		// what is there.
		end := len(block)
		if length > uint64(start) && length < uint64(end) {
			end = int(length)
		}
		picture := block[start:end]
		if pictureFormat(picture) == "" {
			if len(out) > 0 {
				break
			}
			return nil, fmt.Errorf("%w: the picture is neither JPEG nor JPEG 2000", ErrDG2)
		}
		out, block = append(out, portrait(picture)), block[end:]
	}
	return out, nil
}

func portrait(picture []byte) Portrait {
	return Portrait{Data: privacy.New(bytes.Clone(picture)), Format: pictureFormat(picture)}
}

func pictureFormat(b []byte) string {
	switch {
	case bytes.HasPrefix(b, magicJPEG):
		return "jpeg"
	case bytes.HasPrefix(b, magicJP2), bytes.HasPrefix(b, magicCodestream):
		return "jp2"
	}
	return ""
}
