package sim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"tram/drivers/emrtd/tlv"
)

// maxRawFile bounds a file of NewCardFromFiles, in bytes.
const maxRawFile = 1 << 20

// rawName finds the number in DG1.bin, EF_DG1.bin, Datagroup1.bin, 0101.bin.
var rawName = regexp.MustCompile(`^(?:ef[._-]?)?(?:dg|datagroup)[._-]?(\d+)$`)

// rawFile tells which file of the chip a file name means; with or without an
// extension, in any case of letters.
func rawFile(name string) (id uint16, master, ok bool) {
	name = strings.ToLower(strings.TrimSuffix(name, filepath.Ext(name)))
	if m := rawName.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[1])
		return 0x0100 | uint16(n), false, n >= 1 && n <= 16
	}
	switch strings.TrimLeft(strings.TrimPrefix(name, "ef"), "._-") {
	case "com":
		return FileCOM, false, true
	case "sod":
		return FileSOD, false, true
	case "cardaccess":
		return FileCardAccess, true, true
	case "cardsecurity":
		return FileCardSecurity, true, true
	}
	return 0, false, false
}

// NewCardFromFiles makes a card of the files in dir as they are, byte for byte:
// the files of another implementation, or of a read that was saved (COM, SOD, DG1
// to DG16, CardAccess; "DG1.bin", "EF_COM.bin", "Datagroup1.bin"). The keys of its
// chip are not among them, so that Chip and Active Authentication fail as on any
// copy. Access is Basic Access Control with the MRZ in DG1; with a CAN, or an
// option WithPACE, it is PACE, too.
func NewCardFromFiles(dir, can string, opt ...Option) (*Card, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("make a card of files: %w", err)
	}
	base := []Option{WithoutPACE()}
	if can != "" {
		base = []Option{WithPACE(vietnameseOffer().protocol.Name, vietnameseOffer().parameter)}
	}
	card := blankCard(append(base, opt...))
	if card.set.err != nil {
		return nil, fmt.Errorf("make a card of files: %w", card.set.err)
	}
	card.can, card.files, card.master = can, map[uint16][]byte{}, map[uint16][]byte{}
	if card.chip, err = newChipKeys(card.set, true); err != nil {
		return nil, fmt.Errorf("make a card of files: %w", err)
	}
	if len(card.set.offers) > 0 {
		card.master[FileCardAccess] = card.chip.cardAccess(card.set)
	}
	for _, e := range entries {
		id, master, ok := rawFile(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		if info, err := e.Info(); err != nil || info.Size() > maxRawFile {
			return nil, errors.Join(fmt.Errorf("make a card of files: %s has more than %d bytes", e.Name(), maxRawFile), err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("make a card of files: %w", err)
		}
		if master {
			card.master[id] = raw
		} else {
			card.files[id] = raw
		}
	}
	if card.mrz = mrzInformationOf(card.files[FileDG1]); card.mrz == "" && can == "" && !card.set.open {
		return nil, fmt.Errorf("make a card of files: no DG1 with an MRZ in %s, and no CAN: nothing could open it", dir)
	}
	if err := card.tamper(Holder{}); err != nil {
		return nil, fmt.Errorf("make a card of files: %w", err)
	}
	return card, nil
}

// mrzInformationOf cuts the text of the MRZ's access keys out of EF.DG1: number,
// birth and expiry, each with its check digit; "" when there is no MRZ.
func mrzInformationOf(dg1 []byte) string {
	nodes, _, err := tlv.Parse(dg1, tlv.Limits{})
	if err != nil {
		return ""
	}
	zone, ok := tlv.Find(nodes, 0x61, 0x5F1F)
	if !ok {
		return ""
	}
	m := string(zone.Value)
	switch len(m) {
	case 88:
		return m[44:54] + m[57:64] + m[65:72]
	case 72:
		return m[36:46] + m[49:56] + m[57:64]
	case 90:
		number := m[5:15]
		if m[14] == '<' { // the number goes on in the optional data, its check digit at the end
			rest, _, _ := strings.Cut(m[15:30], "<")
			number = m[5:14] + rest
		}
		return number + m[30:37] + m[38:45]
	}
	return ""
}
