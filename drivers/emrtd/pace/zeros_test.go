package pace_test

import (
	"bytes"
	"math/big"
	"testing"

	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
)

// smallest returns the smallest number from 2 on whose multiple of the generator, or power
// of it, begins with a zero byte: in its x-coordinate, or in its y-coordinate.
func smallest(d *pace.Domain, y bool) *big.Int {
	if c := d.Curve(); c != nil {
		p := c.Add(c.G, c.G)
		for k := int64(2); ; k++ {
			v := p.X
			if y {
				v = p.Y
			}
			if v.BitLen() <= 8*(c.Size-1) {
				return big.NewInt(k)
			}
			p = c.Add(p, c.G)
		}
	}
	for k := big.NewInt(2); ; k.Add(k, big.NewInt(1)) {
		if d.KeyOf(k).Public[0] == 0 {
			return k
		}
	}
}

// A shared secret that begins with zeros keeps them, on every standardised domain: the
// numbers are sought, not left to chance.
func TestSecretsAndKeysWithLeadingZerosKeepTheirLength(t *testing.T) {
	for _, id := range []int{0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18} {
		d := domain(t, id)
		size := len(d.Generator())
		for _, y := range []bool{false, true} {
			if y && d.Curve() == nil {
				continue
			}
			k := smallest(d, y)
			mine := d.KeyOf(k)
			if len(mine.Public) != size || d.Check(mine.Public) != nil {
				t.Errorf("%s: the key of %v has %d bytes, want %d", d.Name(), k, len(mine.Public), size)
			}
			secret, err := d.Secret(k, d.Generator())
			if err != nil {
				t.Fatal(err)
			}
			other, err := d.Secret(big.NewInt(1), mine.Public)
			if err != nil || !bytes.Equal(secret, other) {
				t.Errorf("%s: the sides differ: %v", d.Name(), err)
			}
			if want := wantSecret(d, mine.Public); len(secret) != want || (!y && secret[0] != 0) {
				t.Errorf("%s: a secret of %d bytes that begins with %02X, want %d and 00", d.Name(), len(secret), secret[0], want)
			}
			kEnc, _ := pace.SessionKeys(secret, sm.AES256)
			cut, _ := pace.SessionKeys(bytes.TrimLeft(secret, "\x00"), sm.AES256)
			if !y && bytes.Equal(kEnc, cut) {
				t.Errorf("%s: the zeros do not count", d.Name())
			}
		}
	}
}

func wantSecret(d *pace.Domain, public []byte) int {
	if c := d.Curve(); c != nil {
		return c.Size
	}
	return len(public)
}

// A mapping whose secret point or number begins with zeros gives both sides one generator.
func TestMappingsWithLeadingZerosAgree(t *testing.T) {
	nonce := bytes.Repeat([]byte{0}, 15)
	nonce = append(nonce, 3)
	for _, id := range []int{0, 13, 18} {
		d := domain(t, id)
		k := smallest(d, false)
		one := big.NewInt(1)
		a, err1 := d.MapGeneric(nonce, k, d.KeyOf(one).Public)
		b, err2 := d.MapGeneric(nonce, one, d.KeyOf(k).Public)
		if err1 != nil || err2 != nil || !bytes.Equal(a.Generator(), b.Generator()) {
			t.Errorf("%s: %v, %v", d.Name(), err1, err2)
		}
	}
}
