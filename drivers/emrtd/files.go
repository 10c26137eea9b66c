package emrtd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// FileID is the two-byte identifier of an elementary file.
type FileID uint16

// The files of an eMRTD (Doc 9303-10 §3.11).
const (
	EFCardAccess FileID = 0x011C
	EFSOD        FileID = 0x011D
	EFCOM        FileID = 0x011E
	DG1          FileID = 0x0101
	DG2          FileID = 0x0102
	DG3          FileID = 0x0103
	DG4          FileID = 0x0104
	DG5          FileID = 0x0105
	DG6          FileID = 0x0106
	DG7          FileID = 0x0107
	DG8          FileID = 0x0108
	DG9          FileID = 0x0109
	DG10         FileID = 0x010A
	DG11         FileID = 0x010B
	DG12         FileID = 0x010C
	DG13         FileID = 0x010D
	DG14         FileID = 0x010E
	DG15         FileID = 0x010F
	DG16         FileID = 0x0110
)

// DG returns the identifier of data group n, 1 to 16, else 0.
func DG(n int) FileID {
	if n < 1 || n > 16 {
		return 0
	}
	return FileID(0x0100 + n)
}

// Group returns the number of the data group, 1 to 16, or 0 for another file.
func (f FileID) Group() int {
	if f >= DG1 && f <= DG16 {
		return int(f & 0xFF)
	}
	return 0
}

// String returns "DG1", "COM", "SOD", "CardAccess" or the number in hexadecimal.
func (f FileID) String() string {
	switch {
	case f.Group() > 0:
		return "DG" + strconv.Itoa(f.Group())
	case f == EFCOM:
		return "COM"
	case f == EFSOD:
		return "SOD"
	case f == EFCardAccess:
		return "CardAccess"
	}
	return fmt.Sprintf("%04X", uint16(f))
}

// MarshalText encodes the name.
func (f FileID) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Files holds the raw bytes of a chip's files, as they were read: their hashes
// are over exactly these. It prints the names and sizes of the files only.
type Files map[FileID][]byte

// IDs returns the files that are there, in ascending order.
func (f Files) IDs() []FileID {
	ids := make([]FileID, 0, len(f))
	for id := range f {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// String names the files and their sizes.
func (f Files) String() string {
	var b strings.Builder
	b.WriteString("files(")
	for i, id := range f.IDs() {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%v:%d", id, len(f[id]))
	}
	b.WriteByte(')')
	return b.String()
}

// GoString is String.
func (f Files) GoString() string { return f.String() }

// Format writes String for every verb.
func (f Files) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// LogValue logs String.
func (f Files) LogValue() slog.Value { return slog.StringValue(f.String()) }

// MarshalJSON encodes the sizes by name, never the content.
func (f Files) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, id := range f.IDs() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%d", id.String(), len(f[id]))
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// SaveFiles writes the files into dir, which it makes, as EF_0101, EF_011D and so
// on, readable by their owner only: they are a person's data in clear.
func SaveFiles(dir string, f Files) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save the chip's files: %w", err)
	}
	for _, id := range f.IDs() {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("EF_%04X", uint16(id))), f[id], 0o600); err != nil {
			return fmt.Errorf("save %v: %w", id, err)
		}
	}
	return nil
}

// ErrNoFiles says that a folder holds no file of a chip.
var ErrNoFiles = errors.New("no files of a chip there")

// maxSaved bounds one file of LoadFiles.
const maxSaved = 4 << 20
