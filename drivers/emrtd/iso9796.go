package emrtd

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"fmt"
	"math/big"
)

// trailers names the hash of a two-byte trailer by its first byte (ISO/IEC
// 10118-3); the second is CC. The one-byte trailer BC stands for SHA-1.
var trailers = map[byte]crypto.Hash{0x33: crypto.SHA1, 0x34: crypto.SHA256, 0x35: crypto.SHA512, 0x36: crypto.SHA384, 0x38: crypto.SHA224}

// recovered is what a signature with message recovery brings.
type recovered struct {
	first  []byte // M1, the part of the message inside the signature
	digest []byte // of M1 and the part that is outside
	hash   hashAlgorithm
}

// recoverMessage opens a signature of ISO/IEC 9796-2 digital signature scheme 1, as
// Active Authentication uses it (Doc 9303-11 §6.1).
func recoverMessage(key *rsa.PublicKey, signature []byte) (recovered, error) {
	s := new(big.Int).SetBytes(signature)
	if len(signature) != key.Size() || s.Cmp(key.N) >= 0 {
		return recovered{}, fmt.Errorf("%w: of %d bytes, the key has %d", errSignature, len(signature), key.Size())
	}
	f := s.Exp(s, big.NewInt(int64(key.E)), key.N)
	if f.Bit(0) == 1 { // the signer took the smaller of s and n − s; F itself ends in C, and n is odd
		f.Sub(key.N, f)
	}
	return openRepresentative(f.FillBytes(make([]byte, key.Size())))
}

// openRepresentative reads the message representative
//
//	6A M1 H(M1 M2) trailer   or, with padding,   6B BB … BB BA M1 H(M1 M2) trailer
//
// in which the second half of the message, M2, is missing. A signature that holds
// its whole message says nothing about M2 and is refused.
func openRepresentative(f []byte) (recovered, error) {
	bad := func(why string) (recovered, error) { return recovered{}, fmt.Errorf("%w: %s", errSignature, why) }
	if len(f) < 2 {
		return bad("too short")
	}
	start := 1
	switch f[0] {
	case 0x6A:
	case 0x6B:
		for start < len(f) && f[start] == 0xBB {
			start++
		}
		if start == len(f) || f[start] != 0xBA {
			return bad("wrong padding")
		}
		start++
	default:
		return bad("wrong header")
	}
	h, end := crypto.SHA1, len(f)-1
	switch f[end] {
	case 0xBC:
	case 0xCC:
		end--
		known, ok := trailers[f[end]]
		if !ok {
			return bad(fmt.Sprintf("its trailer %02XCC names no known hash", f[end]))
		}
		h = known
	default:
		return bad("wrong trailer")
	}
	end -= h.Size()
	if end < start {
		return bad("too short for its hash")
	}
	return recovered{first: f[start:end], digest: f[end : end+h.Size()], hash: hashAlgorithm{h}}, nil
}

// fits reports whether second is the missing part of the message.
func (r recovered) fits(second []byte) bool {
	return bytes.Equal(r.hash.sum(append(bytes.Clone(r.first), second...)), r.digest)
}
