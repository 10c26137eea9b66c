package sim

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // given by Doc 9303-11
	"crypto/subtle"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
)

// getChallenge begins Basic Access Control: eight random bytes.
func (c *Card) getChallenge(cmd apdu.Command) apdu.Response {
	switch {
	case c.set.noBAC || c.mrz == "":
		return status(swUnknownINS)
	case !c.application || c.session != nil:
		return status(swConditions)
	case c.blocked():
		return status(swBlocked)
	case cmd.Le != 8:
		return status(swLength)
	}
	c.challenge = c.draw.bytes(8)
	return apdu.Response{Data: bytes.Clone(c.challenge), SW: swOK}
}

// mutualAuthenticate is the second step of Basic Access Control, keyed with the
// MRZ (Doc 9303-11 §4.3.3). A challenge is good for one try.
func (c *Card) mutualAuthenticate(cmd apdu.Command) apdu.Response {
	challenge := c.challenge
	c.challenge = nil
	switch {
	case challenge == nil || c.session != nil:
		return status(swConditions)
	case len(cmd.Data) != 40:
		return status(swLength)
	}
	seed := c.mrzSeed()
	kEnc, kMac := sm.KDF(seed, sm.CounterEnc, sm.TDES), sm.KDF(seed, sm.CounterMAC, sm.TDES)
	mac, err := sm.TDES.MAC(kMac, cmd.Data[:32])
	if err != nil {
		return status(swUnknownFailure)
	}
	plain, err := sm.TDES.DecryptCBC(kEnc, nil, cmd.Data[:32])
	if err != nil {
		return status(swUnknownFailure)
	}
	// plain: RND.IFD, RND.IC, K.IFD
	if subtle.ConstantTimeCompare(mac, cmd.Data[32:])&subtle.ConstantTimeCompare(plain[8:16], challenge) != 1 {
		return status(c.failed())
	}
	secret := c.draw.bytes(16)
	answer, err := sm.TDES.EncryptCBC(kEnc, nil, bytes.Join([][]byte{challenge, plain[:8], secret}, nil))
	if err != nil {
		return status(swUnknownFailure)
	}
	if mac, err = sm.TDES.MAC(kMac, answer); err != nil {
		return status(swUnknownFailure)
	}
	subtle.XORBytes(secret, secret, plain[16:32])
	counter := append(bytes.Clone(challenge[4:]), plain[4:8]...)
	session, err := sm.New(sm.TDES, sm.KDF(secret, sm.CounterEnc, sm.TDES), sm.KDF(secret, sm.CounterMAC, sm.TDES), counter)
	if err != nil {
		return status(swUnknownFailure)
	}
	c.session, c.link.failures = session, 0
	return apdu.Response{Data: append(answer, mac...), SW: swOK}
}

// mrzSeed returns the 16 bytes that the keys of Basic Access Control come from.
func (c *Card) mrzSeed() []byte {
	sum := sha1.Sum([]byte(c.mrz)) //nolint:gosec // see import
	return sum[:16]
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
