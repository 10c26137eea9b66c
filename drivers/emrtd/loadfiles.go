package emrtd

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrTwoFiles says that two files of a folder claim to be the same file of a chip
// and differ.
var ErrTwoFiles = errors.New("two files claim to be the same")

// LoadFiles reads what SaveFiles wrote, and the names that other readers give, whatever
// the case: EF_0101, EF_0101.bin, 0101.bin, EF.DG1, DG1.dat, dg1, Datagroup1.bin, EF_SOD,
// sod.bin, EF.COM. A file may be binary, hexadecimal or base64. Other files in the
// folder are passed over. Two files for one, that are not the same, are ErrTwoFiles.
func LoadFiles(dir string) (Files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("load a chip's files: %w", err)
	}
	out, names := Files{}, map[FileID]string{}
	for _, e := range entries {
		id, ok := fileByName(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		b, err := readBounded(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("load %v: %w", id, err)
		}
		b = binaryOf(id, b)
		if before, twice := names[id]; twice && !bytes.Equal(out[id], b) {
			return nil, fmt.Errorf("load %v: %w: %q and %q", id, ErrTwoFiles, before, e.Name())
		}
		out[id], names[id] = b, e.Name()
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("load a chip's files from %q: %w", dir, ErrNoFiles)
	}
	return out, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrNoFiles)
	}
	if info.Size() > maxSaved {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, info.Size())
	}
	return os.ReadFile(path)
}

// binaryOf undoes hexadecimal or base64, when that and only that begins like the
// file that it must be.
func binaryOf(id FileID, b []byte) []byte {
	if beginsLike(id, b) {
		return b
	}
	text := strings.Join(strings.Fields(string(b)), "")
	if out, err := hex.DecodeString(strings.TrimPrefix(strings.ReplaceAll(text, ":", ""), "0x")); err == nil && beginsLike(id, out) {
		return out
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if out, err := encoding.DecodeString(text); err == nil && beginsLike(id, out) {
			return out
		}
	}
	return b
}

func beginsLike(id FileID, b []byte) bool {
	if id == EFCardAccess {
		return len(b) > 0 && (b[0] == 0x31 || b[0] == 0x30)
	}
	return tagFits(id, b)
}

// endings of names that say nothing.
var endings = []string{".bin", ".dat", ".der", ".hex", ".b64", ".base64", ".txt", ".raw", ".ef", ".dump"}

// fileByName finds out which file of a chip a name means.
func fileByName(name string) (FileID, bool) {
	s := strings.ToLower(name)
	for _, e := range endings {
		if cut, ok := strings.CutSuffix(s, e); ok && cut != "" {
			s = cut
			break
		}
	}
	s = strings.NewReplacer("_", "", ".", "", "-", "", " ", "", "(", "", ")", "", "datagroup", "dg").Replace(s)
	s = strings.TrimPrefix(strings.TrimPrefix(s, "ef"), "0x")
	switch s {
	case "sod", "securitydata", "documentsecurityobject":
		return EFSOD, true
	case "com", "common":
		return EFCOM, true
	case "cardaccess":
		return EFCardAccess, true
	}
	if n, ok := strings.CutPrefix(s, "dg"); ok {
		if v, err := strconv.Atoi(n); err == nil && DG(v) != 0 {
			return DG(v), true
		}
		return 0, false
	}
	if len(s) > 4 { // EF_0101_DG1
		if v, err := strconv.ParseUint(s[:4], 16, 16); err == nil {
			if id, ok := fileByName(s[4:]); ok && id == FileID(v) {
				return id, true
			}
		}
		return 0, false
	}
	if len(s) != 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 16, 16)
	if err != nil {
		return 0, false
	}
	id := FileID(v)
	return id, id.Group() > 0 || id == EFSOD || id == EFCOM || id == EFCardAccess
}
