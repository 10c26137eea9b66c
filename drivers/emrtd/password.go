package emrtd

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"

	"tram/drivers/privacy"
)

// Password opens a chip: a CAN, an MRZ, or a CAN with MRZs as the second way. It prints
// redacted.
type Password struct {
	kind   string // "CAN" or "MRZ"
	secret privacy.Private[[]byte]
	second []Password // each an MRZ
}

// Kind returns "CAN" or "MRZ", whichever goes first.
func (p Password) Kind() string { return p.kind }

// CANOrMRZ returns the password that tries the CAN first, by PACE, and then, where the
// chip has no PACE or refuses the CAN, each of the MRZs. A QR code of a CCCD gives both: the CAN is in
// its number, and document number, birth and an estimate of the expiry make an MRZ.
// The MRZs must come from MRZ or MRZLines.
func CANOrMRZ(can Password, mrz ...Password) Password {
	can.second = slices.DeleteFunc(slices.Clone(mrz), func(p Password) bool { return p.kind != "MRZ" })
	return can
}

func (p Password) same(q Password) bool {
	return p.kind == q.kind && bytes.Equal(p.secret.Reveal(), q.secret.Reveal())
}

// forBAC returns the MRZs in the password.
func (p Password) forBAC() []Password {
	if p.kind == "MRZ" {
		return append([]Password{{kind: p.kind, secret: p.secret}}, p.second...)
	}
	return p.second
}

// References of the passwords in MSE:Set AT (Doc 9303-11 §4.4.4.1).
const (
	referenceMRZ = 1
	referenceCAN = 2
)

func (p Password) reference() byte {
	if p.kind == "CAN" {
		return referenceCAN
	}
	return referenceMRZ
}

// CAN returns the password of the six-digit card access number. On a CCCD it is the
// last six digits of the ID number.
func CAN(digits string) (Password, error) {
	digits = strings.TrimSpace(digits)
	if len(digits) != 6 || strings.Trim(digits, "0123456789") != "" {
		return Password{}, fmt.Errorf("%w: a CAN has six digits", ErrPassword)
	}
	return Password{kind: "CAN", secret: privacy.New([]byte(digits))}, nil
}

// MRZ returns the password made of three fields of the machine readable zone:
// the document number as it stands there (on a CCCD the last nine digits of the ID
// number), birth and expiry as YYMMDD.
func MRZ(documentNumber, birthYYMMDD, expiryYYMMDD string) (Password, error) {
	number := strings.ToUpper(strings.TrimSpace(documentNumber))
	if number == "" || len(number) > 24 || !isMRZText(number) {
		return Password{}, fmt.Errorf("%w: the document number has letters and digits only", ErrPassword)
	}
	for len(number) < 9 {
		number += "<"
	}
	if !isMRZDate(birthYYMMDD) || !isMRZDate(expiryYYMMDD) {
		return Password{}, fmt.Errorf("%w: dates are six digits, YYMMDD", ErrPassword)
	}
	var info strings.Builder
	for _, field := range []string{number, birthYYMMDD, expiryYYMMDD} {
		info.WriteString(field)
		info.WriteByte(checkDigit(field))
	}
	// K_seed of BAC is the first 16 of these bytes, PACE takes all 20 (§4.3.2, §9.7.3).
	hash := sha1.Sum([]byte(info.String())) // given by the standard
	return Password{kind: "MRZ", secret: privacy.New(hash[:])}, nil
}

// MRZLines returns the password of a whole machine readable zone: two lines of
// 44 or 36 or three of 30 characters, with or without line breaks. Wrong check
// digits of the three fields that count are an error: the chip would refuse.
func MRZLines(lines string) (Password, error) {
	m, err := parseMRZ(lines)
	if err != nil {
		return Password{}, fmt.Errorf("%w: %w", ErrPassword, err)
	}
	for _, c := range m.CheckDigits {
		if !c.OK && c.Field != "composite" && c.Field != "optional data" {
			return Password{}, fmt.Errorf("%w: the check digit of the %s is wrong", ErrPassword, c.Field)
		}
	}
	return MRZ(m.DocumentNumber.Reveal(), m.Birth.Reveal(), m.Expiry.Reveal())
}

func isMRZDate(s string) bool {
	if len(s) != 6 {
		return false
	}
	// Unknown parts of a birth date are filled with "<".
	return strings.Trim(s, "0123456789<") == ""
}
