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

// ParseDG2 finds the first portrait in DG2 (Doc 9303-10 §4.7.2): a face record
// of ISO/IEC 19794-5 or of ISO/IEC 39794-5, also without the data group around it.
func ParseDG2(raw []byte) (Portrait, error) {
	if bytes.HasPrefix(raw, []byte("FAC\x00")) {
		return face19794(raw)
	}
	budget := 4096
	p, err := findFace(raw, 12, &budget)
	if err != nil {
		return Portrait{}, err
	}
	return p, nil
}

// findFace goes through the data objects, depth first, to the first face record
// of ISO/IEC 19794-5 or the first value that is a picture.
func findFace(b []byte, depth int, budget *int) (Portrait, error) {
	reason := ErrDG2
	for len(b) > 0 && depth > 0 {
		if *budget--; *budget < 0 {
			return Portrait{}, fmt.Errorf("%w: too many data objects", ErrDG2)
		}
		n, rest, err := tlv.Next(b)
		if err != nil {
			return Portrait{}, errors.Join(reason, err)
		}
		b = rest
		var p Portrait
		switch {
		case bytes.HasPrefix(n.Value, []byte("FAC\x00")):
			p, err = face19794(n.Value)
		case pictureFormat(n.Value) != "":
			return portrait(n.Value), nil
		case n.Constructed():
			p, err = findFace(n.Value, depth-1, budget)
		default:
			continue
		}
		if err == nil {
			return p, nil
		}
		reason = err
	}
	return Portrait{}, reason
}

// Sizes of ISO/IEC 19794-5:2005 in bytes.
const (
	facialHeader     = 14 // "FAC\0", version, length of the record, number of faces
	facialInfo       = 20 // length of the face's block, number of feature points, …
	featurePoint     = 8
	imageInfo        = 12 // kind, format, width, height, …
	maxFeaturePoints = 4096
)

// face19794 takes the first face's picture out of a facial record.
func face19794(b []byte) (Portrait, error) {
	if len(b) < facialHeader+facialInfo+imageInfo {
		return Portrait{}, fmt.Errorf("%w: facial record of %d bytes", ErrDG2, len(b))
	}
	length := binary.BigEndian.Uint32(b[facialHeader:])
	points := int(binary.BigEndian.Uint16(b[facialHeader+4:]))
	start := facialHeader + facialInfo + points*featurePoint + imageInfo
	if points > maxFeaturePoints || start >= len(b) {
		return Portrait{}, fmt.Errorf("%w: facial record with %d feature points in %d bytes", ErrDG2, points, len(b))
	}
	// The block's length is often wrong by a little; what counts is what is there.
	end := len(b)
	if claimed := uint64(facialHeader) + uint64(length); claimed > uint64(start) && claimed < uint64(end) {
		end = int(claimed)
	}
	picture := b[start:end]
	if pictureFormat(picture) == "" {
		return Portrait{}, fmt.Errorf("%w: the picture is neither JPEG nor JPEG 2000", ErrDG2)
	}
	return portrait(picture), nil
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
