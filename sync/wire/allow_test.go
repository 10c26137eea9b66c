package wire

import (
	"encoding/hex"
	"errors"
	"testing"
)

// The vector comes from another program: python3 -c 'import hashlib;
// print(hashlib.pbkdf2_hmac("sha256", b"099099000017", bytes(range(16)), 10000).hex())'.
func TestAnAllowListsHashIsWhatOthersCompute(t *testing.T) {
	salt := make([]byte, 16)
	for i := range salt {
		salt[i] = byte(i)
	}
	const want = "8f37c05021c24fcb4ec21e3106dc1e3fed7d06c562eea144c73fd693e4f0f982"
	for _, number := range []string{"099099000017", " 0990 9900 0017 "} {
		h, err := AllowHash(number, salt, DefaultAllowRounds)
		if got := hex.EncodeToString(h[:]); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", number, got, err, want)
		}
	}
	for _, number := range []string{"", "12", "0990-9900", "Nguyễn Văn Thử", "099099000017099099000017"} {
		if _, err := AllowHash(number, salt, DefaultAllowRounds); !errors.Is(err, ErrAllow) {
			t.Errorf("%q: %v, want ErrAllow", number, err)
		}
	}
	for _, c := range []struct {
		salt   int
		rounds int
	}{{15, 1000}, {65, 1000}, {16, 999}, {16, 1_000_001}} {
		if _, err := AllowHash("099099000017", make([]byte, c.salt), c.rounds); !errors.Is(err, ErrFormat) {
			t.Errorf("salt of %d, %d rounds: %v, want ErrFormat", c.salt, c.rounds, err)
		}
	}
}
