package sm

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" // the chip decides; many passports know nothing else
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/aead/cmac"
)

// Cipher names the block cipher and with it the MAC.
type Cipher int

// The ciphers of Doc 9303-11 §9.8.
const (
	TDES Cipher = iota + 1 // two-key triple DES in CBC, retail MAC
	AES128
	AES192
	AES256
)

// String returns "3DES", "AES-128", …
func (c Cipher) String() string {
	switch c {
	case TDES:
		return "3DES"
	case AES128:
		return "AES-128"
	case AES192:
		return "AES-192"
	case AES256:
		return "AES-256"
	}
	return fmt.Sprintf("Cipher(%d)", int(c))
}

// KeySize returns the bytes of a key.
func (c Cipher) KeySize() int {
	switch c {
	case AES192:
		return 24
	case AES256:
		return 32
	}
	return 16
}

// BlockSize returns the bytes of a block: 8 or 16.
func (c Cipher) BlockSize() int {
	if c == TDES {
		return 8
	}
	return 16
}

// Counters of KDF (Doc 9303-11 §9.7.1).
const (
	CounterEnc      uint32 = 1 // the key for encryption
	CounterMAC      uint32 = 2 // the key for checksums
	CounterPassword uint32 = 3 // PACE: the key K_pi that hides the nonce
)

// KDF derives a key for cipher from secret (Doc 9303-11 §9.7.1): SHA-1 for 3DES
// and AES-128, SHA-256 for longer keys. secret must have its full, fixed length.
func KDF(secret []byte, counter uint32, c Cipher) []byte {
	in := binary.BigEndian.AppendUint32(bytes.Clone(secret), counter)
	switch c {
	case AES192, AES256:
		h := sha256.Sum256(in)
		return bytes.Clone(h[:c.KeySize()])
	case TDES:
		h := sha1.Sum(in) // given by the standard
		key := bytes.Clone(h[:16])
		for i, b := range key {
			key[i] = withOddParity(b)
		}
		return key
	}
	h := sha1.Sum(in) // given by the standard
	return bytes.Clone(h[:16])
}

func withOddParity(b byte) byte {
	b &= 0xFE
	ones := b
	ones ^= ones >> 4
	ones ^= ones >> 2
	ones ^= ones >> 1
	return b | (^ones & 1)
}

// Block returns the block cipher under key.
func (c Cipher) Block(key []byte) (cipher.Block, error) {
	if c < TDES || c > AES256 || len(key) != c.KeySize() {
		return nil, fmt.Errorf("sm: a key of %d bytes does not fit %v", len(key), c)
	}
	if c == TDES {
		return des.NewTripleDESCipher(append(bytes.Clone(key), key[:8]...))
	}
	return aes.NewCipher(key)
}

// EncryptCBC encrypts plain, whole blocks, under key. A nil iv is zero.
func (c Cipher) EncryptCBC(key, iv, plain []byte) ([]byte, error) {
	b, iv, err := c.cbc(key, iv, plain)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, plain)
	return out, nil
}

// DecryptCBC undoes EncryptCBC.
func (c Cipher) DecryptCBC(key, iv, data []byte) ([]byte, error) {
	b, iv, err := c.cbc(key, iv, data)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(b, iv).CryptBlocks(out, data)
	return out, nil
}

func (c Cipher) cbc(key, iv, data []byte) (cipher.Block, []byte, error) {
	b, err := c.Block(key)
	if err != nil {
		return nil, nil, err
	}
	if iv == nil {
		iv = make([]byte, b.BlockSize())
	}
	if len(data)%b.BlockSize() != 0 || len(iv) != b.BlockSize() {
		return nil, nil, fmt.Errorf("sm: %d bytes are not whole blocks of %v", len(data), c)
	}
	return b, iv, nil
}

// MAC returns the 8-byte checksum of message under key: for 3DES the retail MAC
// (ISO/IEC 9797-1 algorithm 3) over message padded by method 2, for AES CMAC cut to 8
// bytes over message as it is.
func (c Cipher) MAC(key, message []byte) ([]byte, error) {
	if c == TDES {
		return retailMAC(key, message)
	}
	b, err := c.Block(key)
	if err != nil {
		return nil, err
	}
	return cmac.Sum(message, b, 8)
}

func retailMAC(key, message []byte) ([]byte, error) {
	if len(key) != 16 {
		return nil, fmt.Errorf("sm: a key of %d bytes does not fit %v", len(key), TDES)
	}
	first, err := des.NewCipher(key[:8])
	if err != nil {
		return nil, err
	}
	second, err := des.NewCipher(key[8:])
	if err != nil {
		return nil, err
	}
	var y [8]byte
	message = Pad(message, 8)
	for ; len(message) > 0; message = message[8:] {
		for i := range y {
			y[i] ^= message[i]
		}
		first.Encrypt(y[:], y[:])
	}
	second.Decrypt(y[:], y[:])
	first.Encrypt(y[:], y[:])
	return y[:], nil
}

// ErrPadding says that decrypted data does not end in the padding it must.
var ErrPadding = errors.New("sm: wrong padding")

// Pad returns data with ISO/IEC 9797-1 padding method 2: 80, then zeros up to a
// whole block.
func Pad(data []byte, block int) []byte {
	n := block - len(data)%block
	out := make([]byte, len(data)+n)
	copy(out, data)
	out[len(data)] = 0x80
	return out
}

// Unpad undoes Pad. The result is a part of data.
func Unpad(data []byte) ([]byte, error) {
	for i := len(data) - 1; i >= 0 && i >= len(data)-16; i-- {
		switch data[i] {
		case 0:
			continue
		case 0x80:
			return data[:i:i], nil
		}
		break
	}
	return nil, ErrPadding
}
