package wire

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// ErrCode is returned for a text that is not a one-time code.
var ErrCode = errors.New("not a one-time code")

// Sizes of a code's parts, in bytes.
const (
	codeID     = 4
	codeSecret = 10
	codeCA     = 16
	codeCheck  = 2
	codeBytes  = codeID + codeSecret + codeCA + codeCheck
	maxCode    = 128 // longest text read: the code with any separators
)

// codeText is Crockford's base 32: no letter that is taken for a digit.
var codeText = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Code is a one-time enrolment code: which one it is, what proves that its
// holder was given it, and the beginning of the SHA-256 of the public key
// (SubjectPublicKeyInfo) of the hub's certificate authority, by which the
// device knows that hub at the first contact.
type Code struct {
	ID     [codeID]byte
	Secret [codeSecret]byte
	CA     [codeCA]byte
}

// CAOf returns the part of a code that names an authority by its
// SubjectPublicKeyInfo in DER.
func CAOf(spki []byte) [codeCA]byte {
	sum := sha256.Sum256(spki)
	return [codeCA]byte(sum[:codeCA])
}

// Text returns the code as a person types it: 52 letters and digits in groups of four.
func (c Code) Text() string {
	b := append(append(append([]byte(nil), c.ID[:]...), c.Secret[:]...), c.CA[:]...)
	text := codeText.EncodeToString(append(b, checkOf(b)...))
	var out strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			out.WriteByte('-')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// Format prints which code it is, never its secret.
func (c Code) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "code %x", c.ID[:]) }

func checkOf(b []byte) []byte {
	sum := sha256.Sum256(append([]byte("tram code 1:"), b...))
	return sum[:codeCheck]
}

// ParseCode reads a code as a person types it: small letters, blanks and
// hyphens anywhere, O for 0, I and L for 1. A mistyped code is told from a
// wrong one by its check digits.
func ParseCode(s string) (Code, error) {
	if len(s) > maxCode {
		return Code{}, fmt.Errorf("%w: %d characters, at most %d", ErrCode, len(s), maxCode)
	}
	plain := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	if want := codeText.EncodedLen(codeBytes); len(plain) != want {
		return Code{}, fmt.Errorf("%w: %d letters and digits, want %d", ErrCode, len(plain), want)
	}
	b, err := codeText.DecodeString(plain)
	if err != nil {
		return Code{}, fmt.Errorf("%w: a character that no code has", ErrCode)
	}
	body := b[:codeBytes-codeCheck]
	if string(checkOf(body)) != string(b[codeBytes-codeCheck:]) || codeText.EncodeToString(b) != plain {
		return Code{}, fmt.Errorf("%w: it is mistyped", ErrCode)
	}
	var c Code
	copy(c.ID[:], body)
	copy(c.Secret[:], body[codeID:])
	copy(c.CA[:], body[codeID+codeSecret:])
	return c, nil
}
