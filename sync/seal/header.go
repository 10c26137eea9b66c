package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// maxJOSE is the largest protected header of a JWS or JWE, base64url, in bytes.
const maxJOSE = 1024

// header holds the only members that a JWS or JWE from a hub may have.
type header struct {
	Alg string          `json:"alg"`
	Enc string          `json:"enc"`
	Kid string          `json:"kid"`
	Typ string          `json:"typ"`
	Epk json.RawMessage `json:"epk"`
}

// read decodes the protected header of a compact serialisation that has the
// given number of dots.
func (h *header) read(compact string, dots int) error {
	if n := strings.Count(compact, "."); n != dots {
		return fmt.Errorf("%w: %d parts, want %d", ErrSeal, n+1, dots+1)
	}
	first, _, _ := strings.Cut(compact, ".")
	if len(first) > maxJOSE {
		return fmt.Errorf("header: %w (at most %d bytes)", ErrTooLarge, maxJOSE)
	}
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return fmt.Errorf("%w: header is not base64url", ErrSeal)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		return fmt.Errorf("%w: header has other members than alg, enc, kid, typ, epk", ErrSeal)
	}
	return nil
}
