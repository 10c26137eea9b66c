package sim

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"tram/drivers/emrtd/tlv"
)

// File identifiers of the chip (Doc 9303-10 §3.11).
const (
	FileDIR        uint16 = 0x2F00
	FileCardAccess uint16 = 0x011C
	FileSOD        uint16 = 0x011D
	FileCOM        uint16 = 0x011E
	FileDG1        uint16 = 0x0101
	FileDG2        uint16 = 0x0102
	FileDG3        uint16 = 0x0103
	FileDG13       uint16 = 0x010D
	FileDG14       uint16 = 0x010E
	FileDG15       uint16 = 0x010F

	FileCardSecurity uint16 = 0x011D // of the master file; in the application the number is EF.SOD's
	FileDG4          uint16 = 0x0104
)

// maxPortrait bounds the picture of a card, in bytes: EF.DG2 must be reachable
// with the 15-bit offsets of READ BINARY.
const maxPortrait = 32_000

// groupTags are the tags of data groups 1 to 16 (Doc 9303-10 table 38).
var groupTags = [17]byte{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// com returns EF.COM: LDS 1.7, Unicode 4.0.0 and the data groups.
func com(groups []int) []byte {
	var tags []byte
	for _, n := range groups {
		tags = append(tags, groupTags[n])
	}
	return tlv.Encode(0x60, tlv.Encode(0x5F01, []byte("0107")), tlv.Encode(0x5F36, []byte("040000")), tlv.Encode(0x5C, tags))
}

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("sim: " + err.Error()) // a constant of this package
	}
	return b
}

// DG1 returns the file EF.DG1: the MRZ.
func (c Citizen) DG1() []byte {
	return tlv.Encode(0x61, tlv.Encode(0x5F1F, []byte(c.MRZ())))
}

// DG2 returns the file EF.DG2 with one portrait: an ISO 19794-5 record of the
// year 2005 in its CBEFF frame (Doc 9303-10 §4.7.2). The picture is JPEG or
// JPEG 2000 and at most 32,000 bytes.
func DG2(picture []byte) ([]byte, error) {
	kind, size, err := inspect(picture)
	if err != nil {
		return nil, fmt.Errorf("make DG2: %w", err)
	}
	record := facialRecord(picture, kind, size)
	header := tlv.Encode(0xA1,
		tlv.Encode(0x81, []byte{0x02}),       // biometric type: facial features
		tlv.Encode(0x82, []byte{0x00}),       // no subtype
		tlv.Encode(0x87, []byte{0x01, 0x01}), // format owner: ISO/IEC JTC1 SC37
		tlv.Encode(0x88, []byte{0x00, 0x08})) // format type: ISO 19794-5
	template := tlv.Encode(0x7F60, header, tlv.Encode(0x5F2E, record))
	return tlv.Encode(0x75, tlv.Encode(0x7F61, tlv.Encode(0x02, []byte{1}), template)), nil
}

// Image data types of ISO 19794-5.
const (
	imageJPEG     = 0
	imageJPEG2000 = 1
)

// inspect tells a picture's type and size from its header.
func inspect(picture []byte) (kind byte, size image.Point, err error) {
	if len(picture) > maxPortrait {
		return 0, size, fmt.Errorf("the portrait has %d bytes, a card holds %d", len(picture), maxPortrait)
	}
	if bytes.HasPrefix(picture, []byte{0xFF, 0xD8, 0xFF}) {
		c, err := jpeg.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			return 0, size, fmt.Errorf("the portrait is not a JPEG: %w", err)
		}
		return imageJPEG, image.Pt(c.Width, c.Height), nil
	}
	// The size stands 8 bytes into the ihdr box, height first.
	if i := bytes.Index(picture, []byte("ihdr")); bytes.HasPrefix(picture, []byte("\x00\x00\x00\x0CjP  ")) && i > 0 && len(picture) > i+12 {
		h, w := binary.BigEndian.Uint32(picture[i+4:]), binary.BigEndian.Uint32(picture[i+8:])
		return imageJPEG2000, image.Pt(int(w&0xFFFF), int(h&0xFFFF)), nil
	}
	return 0, size, errors.New("the portrait is neither JPEG nor JPEG 2000")
}

// facialRecord returns an ISO 19794-5:2005 record: the header (14 bytes), one
// facial information block (20), no feature points, image information (12),
// the picture.
func facialRecord(picture []byte, kind byte, size image.Point) []byte {
	block := 20 + 12 + len(picture)
	var b bytes.Buffer
	b.WriteString("FAC\x00010\x00")
	put := func(v any) { _ = binary.Write(&b, binary.BigEndian, v) } // a bytes.Buffer does not fail
	put(uint32(14 + block))
	put(uint16(1)) // one face
	put(uint32(block))
	b.Write(make([]byte, 16)) // no feature points; the rest unspecified
	b.Write([]byte{1, kind})  // full frontal
	put(uint16(size.X))
	put(uint16(size.Y))
	b.Write(make([]byte, 6)) // colour space, source, device and quality unspecified
	b.Write(picture)
	return b.Bytes()
}

// greyPortrait is the portrait of a card that was given none: a plain grey
// picture without a face.
func greyPortrait() ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, 240, 320))
	for i := range img.Pix {
		img.Pix[i] = color.Gray{Y: 0xB0}.Y
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		return nil, fmt.Errorf("make a grey portrait: %w", err)
	}
	return b.Bytes(), nil
}
