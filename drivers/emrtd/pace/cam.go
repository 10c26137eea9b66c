package pace

import (
	"bytes"
	"fmt"
	"math/big"

	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/sm"
)

// Chip authentication mapping (Doc 9303-11 §4.4.3.5): the chip's mapping key is a
// multiple of its static key, and the chip says of which number. Only who knows the
// static private key can.

// ChipData returns CA_IC = static⁻¹ · mapping modulo the order, the chip's side: static
// is the private key to the one that DG14 or EF.CardSecurity publishes, mapping the
// private mapping key of this session. It has the length of the order.
func ChipData(c *ec.Curve, static, mapping *big.Int) []byte {
	v := new(big.Int).ModInverse(static, c.N)
	v.Mul(v, mapping).Mod(v, c.N)
	return v.FillBytes(make([]byte, orderSize(c)))
}

func orderSize(c *ec.Curve) int { return (c.N.BitLen() + 7) / 8 }

// EncryptChipData hides CA_IC under the session's key for encryption: A_IC, which goes
// to the reader as data object 8A beside the chip's token.
func EncryptChipData(c sm.Cipher, kEnc, data []byte) ([]byte, error) {
	iv, err := chipDataIV(c, kEnc)
	if err != nil {
		return nil, err
	}
	return c.EncryptCBC(kEnc, iv, sm.Pad(data, c.BlockSize()))
}

// DecryptChipData undoes EncryptChipData.
func DecryptChipData(c sm.Cipher, kEnc, hidden []byte) ([]byte, error) {
	if len(hidden) == 0 || len(hidden) > 128 {
		return nil, fmt.Errorf("pace: chip authentication data of %d bytes", len(hidden))
	}
	iv, err := chipDataIV(c, kEnc)
	if err != nil {
		return nil, err
	}
	plain, err := c.DecryptCBC(kEnc, iv, hidden)
	if err != nil {
		return nil, err
	}
	return sm.Unpad(plain)
}

// chipDataIV is the encryption of −1, all bits set.
func chipDataIV(c sm.Cipher, kEnc []byte) ([]byte, error) {
	return c.EncryptCBC(kEnc, nil, bytes.Repeat([]byte{0xFF}, c.BlockSize()))
}

// ChipDataFits reports whether data shows that the chip knows the private key to
// static: its mapping key must be data · static.
func ChipDataFits(c *ec.Curve, data []byte, static ec.Point, mapping []byte) bool {
	v := new(big.Int).SetBytes(data)
	theirs, err := c.Decode(mapping)
	if err != nil || v.Sign() == 0 || v.Cmp(c.N) >= 0 {
		return false
	}
	return c.Mult(static, v).Equal(theirs)
}
