package sim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// Object identifiers of the chip's own protocols (Doc 9303-11 §9.2).
const (
	oidTA          = "0.4.0.127.0.7.2.2.2"
	oidPKECDH      = "0.4.0.127.0.7.2.2.1.2"
	oidCA          = "0.4.0.127.0.7.2.2.3.2.2" // ECDH, AES-128
	oidAA          = "2.23.136.1.1.5"
	oidPlainSHA256 = "0.4.0.127.0.7.1.1.4.1.3" // ecdsa-plain-SHA256
)

func dotted(oid string) []byte { return tlv.Encode(tagOID, asn.OIDContent(oid)) }

// chipKeys are the keys that prove a chip is not a copy.
type chipKeys struct {
	curve     *ec.Curve
	agreement pace.Key // Chip Authentication
	signature *key     // Active Authentication
}

func newChipKeys() (k chipKeys, err error) {
	if k.signature, err = newKey("brainpoolP256r1", crypto.SHA256, false); err != nil {
		return k, err
	}
	k.curve = k.signature.curve
	k.agreement, err = pace.NewKey(rand.Reader, k.curve, k.curve.G)
	return k, err
}

// dg14 returns EF.DG14: the SecurityInfos with the key for Chip Authentication.
func (k chipKeys) dg14(offer paceOffer) []byte {
	return tlv.Encode(0x6E, set(
		sequence(dotted(oidTA), integer(1)),
		sequence(dotted(oidCA), integer(1)),
		offer.info(),
		sequence(dotted(oidPKECDH), publicKeyInfo(k.curve, k.curve.Encode(k.agreement.Public), false)),
		sequence(dotted(oidAA), integer(1), dotted(oidPlainSHA256))))
}

// dg15 returns EF.DG15: the key for Active Authentication.
func (k chipKeys) dg15() []byte { return tlv.Encode(0x6F, k.signature.publicKeyInfo()) }

// setChipAuthentication is MSE:Set AT for Chip Authentication version 1.
func (c *Card) setChipAuthentication(cmd apdu.Command) uint16 {
	if c.session == nil {
		return swSecurity
	}
	objects, _, err := tlv.Parse(cmd.Data, tlv.Limits{Depth: 1, Nodes: 8})
	if err != nil {
		return swWrongData
	}
	method, ok := tlv.Find(objects, 0x80)
	if !ok || asn.OIDString(method.Value) != oidCA {
		return swWrongData
	}
	if _, chosen := tlv.Find(objects, 0x84); chosen {
		return swReference // the only key has no number
	}
	c.chipAuth = true
	return swOK
}

// chipAuthenticate agrees on new session keys with the chip's static key.
func (c *Card) chipAuthenticate(data []tlv.Node) apdu.Response {
	c.chipAuth = false
	peer, ok := tlv.Find(data, 0x80)
	if !ok {
		return status(swWrongData)
	}
	curve := c.chip.curve
	point, err := curve.Decode(peer.Value)
	if err != nil {
		return status(swWrongData)
	}
	secret, err := pace.SharedSecret(curve, c.chip.agreement.Private, point)
	if err != nil {
		return status(swWrongData)
	}
	kEnc, kMac := pace.SessionKeys(secret, sm.AES128)
	session, err := sm.New(sm.AES128, kEnc, kMac, nil)
	if err != nil {
		return status(swUnknownFailure)
	}
	c.session = session
	return apdu.Response{Data: tlv.Encode(0x7C), SW: swOK}
}

// internalAuthenticate is Active Authentication: a signature, r and s side by
// side, over the reader's challenge (Doc 9303-11 §6.1).
func (c *Card) internalAuthenticate(cmd apdu.Command) apdu.Response {
	switch {
	case c.session == nil || !c.application:
		return status(swSecurity)
	case len(cmd.Data) != 8:
		return status(swLength)
	}
	k := c.chip.signature
	digest := sha256.Sum256(cmd.Data)
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return status(swUnknownFailure)
	}
	n := (k.curve.N.BitLen() + 7) / 8
	return apdu.Response{Data: append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...), SW: swOK}
}
