package wire

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Bounds of an allow list's hashes.
const (
	MinAllowSalt       = 16
	MaxAllowSalt       = 64
	MinAllowRounds     = 1_000
	MaxAllowRounds     = 1_000_000
	DefaultAllowRounds = 10_000
)

// ErrAllow means that a number cannot stand on an allow list.
var ErrAllow = errors.New("neither a personal number nor a passport's")

var allowNumber = regexp.MustCompile(`^[0-9A-Z]{5,20}$`)

// AllowHash is what stands on an allow list in the place of a number: PBKDF2
// with HMAC-SHA256 (RFC 8018), 32 bytes, over the number's ASCII in capitals
// without spaces. A personal number has so few forms that one round of a hash
// would hide nothing; the rounds make each guess cost what a gate can spare once.
func AllowHash(number string, salt []byte, rounds int) ([sha256.Size]byte, error) {
	var out [sha256.Size]byte
	number = strings.ToUpper(strings.Join(strings.Fields(number), ""))
	if !allowNumber.MatchString(number) {
		return out, ErrAllow
	}
	if len(salt) < MinAllowSalt || len(salt) > MaxAllowSalt || rounds < MinAllowRounds || rounds > MaxAllowRounds {
		return out, fmt.Errorf("salt or rounds of an allow list: %w", ErrFormat)
	}
	key, err := pbkdf2.Key(sha256.New, number, salt, rounds, sha256.Size)
	if err != nil {
		return out, fmt.Errorf("hash a number for an allow list: %w", err)
	}
	return [sha256.Size]byte(key), nil
}
