package sim

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // given by Doc 9303-11
	"crypto/subtle"
	"fmt"
	"math/big"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// paceOffer is one way that a chip offers for PACE.
type paceOffer struct {
	protocol  pace.Protocol
	parameter int
	group     group
}

// paceRun is one run of PACE. The chip's keys are made where a step needs them.
type paceRun struct {
	offer     paceOffer
	key       []byte // K_pi
	step      int    // the last step that was done
	nonce     []byte
	generator []byte
	mapping   *big.Int // the chip's private number of the mapping
	own, peer []byte   // ephemeral public keys
	kEnc      []byte
	kMac      []byte
}

func newOffer(protocol string, parameter int) (paceOffer, error) {
	p, ok := pace.ByName(protocol)
	if !ok {
		return paceOffer{}, fmt.Errorf("the virtual chip does not know the PACE protocol %q", protocol)
	}
	g, err := standardisedGroup(parameter)
	if err != nil {
		return paceOffer{}, err
	}
	if _, curve := g.(curveGroup); curve != (p.Agreement == "ECDH") {
		return paceOffer{}, fmt.Errorf("%s does not go with domain parameters %d", protocol, parameter)
	}
	if p.Mapping == pace.Integrated {
		if _, err := g.integrated([]byte{2}); err != nil {
			return paceOffer{}, fmt.Errorf("%s with domain parameters %d: %w", protocol, parameter, err)
		}
	}
	return paceOffer{protocol: p, parameter: parameter, group: g}, nil
}

// info returns the offer's PACEInfo.
func (o paceOffer) info() []byte {
	return sequence(dotted(o.protocol.OID), integer(2), integer(int64(o.parameter)))
}

// Passwords of PACE (TR-03110-3 §A.2, table of MSE:Set AT).
const (
	passwordMRZ = 1
	passwordCAN = 2
)

// setPACE is MSE:Set AT for PACE.
func (c *Card) setPACE(cmd apdu.Command) uint16 {
	if c.session != nil {
		return swConditions
	}
	objects, err := asn.Elements(cmd.Data)
	if err != nil {
		return swWrongData
	}
	method, ok := tlv.Find(objects, 0x80)
	if !ok {
		return swWrongData
	}
	offer, sw := c.chosen(asn.OIDString(method.Value), objects)
	if sw != swOK {
		return sw
	}
	password, ok := tlv.Find(objects, 0x83)
	if !ok || len(password.Value) != 1 {
		return swWrongData
	}
	var secret []byte
	switch {
	case password.Value[0] == passwordMRZ && c.mrz != "":
		sum := sha1.Sum([]byte(c.mrz)) //nolint:gosec // see import
		secret = sum[:]
	case password.Value[0] == passwordCAN && c.can != "":
		secret = []byte(c.can)
	default:
		return swReference
	}
	if c.blocked() {
		return swBlocked
	}
	c.access = &paceRun{offer: offer, key: sm.KDF(secret, sm.CounterPassword, offer.protocol.Cipher)}
	if c.set.blockAfter > 0 && c.link.failures > 0 {
		return c.triesLeft() // a warning, the protocol goes on
	}
	return swOK
}

// chosen finds the offer that MSE:Set AT names. Where one protocol is offered
// with several domain parameters the reader must say which.
func (c *Card) chosen(oid string, objects []tlv.Node) (paceOffer, uint16) {
	id, named := tlv.Find(objects, 0x84)
	sw := swWrongData // no such protocol
	var fits []paceOffer
	for _, o := range c.set.offers {
		if o.protocol.OID != oid {
			continue
		}
		sw = swReference // no such parameters
		if !named || new(big.Int).SetBytes(id.Value).Cmp(big.NewInt(int64(o.parameter))) == 0 {
			fits = append(fits, o)
		}
	}
	if len(fits) != 1 {
		return paceOffer{}, sw
	}
	return fits[0], swOK
}

// generalAuthenticate is GENERAL AUTHENTICATE: the four steps of PACE, or the
// one of Chip Authentication. A step that fails ends the run.
func (c *Card) generalAuthenticate(cmd apdu.Command) apdu.Response {
	run, last := c.access, cmd.CLA&0x10 == 0
	c.access = nil
	outer, rest, err := tlv.Next(cmd.Data)
	if err != nil || len(rest) > 0 || outer.Tag != 0x7C || cmd.P1 != 0 || cmd.P2 != 0 {
		return status(swWrongData)
	}
	data, err := asn.Elements(outer.Value)
	if err != nil {
		return status(swWrongData)
	}
	if c.chipAuth != nil {
		return c.chipAuthenticate(data)
	}
	if run == nil || last != (run.step == 3) {
		return status(swConditions)
	}
	answer, sw := c.paceStep(run, data)
	if sw != swOK {
		return status(sw)
	}
	if run.step++; run.step < 4 {
		c.access = run
	}
	return apdu.Response{Data: tlv.Encode(0x7C, answer), SW: swOK}
}

func (c *Card) paceStep(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	switch run.step {
	case 0:
		return c.paceNonce(run, data)
	case 1:
		return c.paceMap(run, data)
	case 2:
		return c.paceAgree(run, data)
	}
	return c.paceToken(run, data)
}

// nonceSize: integrated mapping with the longer keys wants a longer nonce.
func (o paceOffer) nonceSize() int {
	if o.protocol.Mapping == pace.Integrated && o.protocol.Cipher.KeySize() > 16 {
		return 32
	}
	return 16
}

// paceNonce answers the hidden nonce.
func (c *Card) paceNonce(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	if len(data) > 0 {
		return nil, swWrongData
	}
	run.nonce = c.draw.bytes(run.offer.nonceSize())
	hidden, err := run.offer.protocol.Cipher.EncryptCBC(run.key, nil, run.nonce)
	if err != nil {
		return nil, swUnknownFailure
	}
	return tlv.Encode(0x80, hidden), swOK
}

// paceMap agrees on the session's generator.
func (c *Card) paceMap(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	theirs, ok := tlv.Find(data, 0x81)
	if !ok {
		return nil, swWrongData
	}
	var err error
	g := run.offer.group
	if run.offer.protocol.Mapping == pace.Integrated {
		if len(theirs.Value) != run.offer.protocol.Cipher.KeySize() {
			return nil, swWrongData
		}
		random, err := pseudoRandom(run.offer.protocol.Cipher, run.nonce, theirs.Value, g.field())
		if err != nil {
			return nil, swUnknownFailure
		}
		if run.generator, err = g.integrated(random); err != nil {
			return nil, swUnknownFailure
		}
		return tlv.Encode(0x82), swOK
	}
	var public []byte
	if run.mapping, public, err = newPair(g, g.base(), c.draw.scalar); err != nil {
		return nil, swUnknownFailure
	}
	if run.generator, err = mapGeneric(g, run.nonce, run.mapping, theirs.Value); err != nil {
		return nil, swWrongData
	}
	return tlv.Encode(0x82, public), swOK
}

// mapGeneric returns nonce · base + private · peer (Doc 9303-11 §4.4.3.3.1).
func mapGeneric(g group, nonce []byte, private *big.Int, peer []byte) ([]byte, error) {
	h, err := g.multiply(peer, private)
	if err != nil {
		return nil, err
	}
	hidden, err := g.multiply(g.base(), new(big.Int).SetBytes(nonce))
	if err != nil {
		return nil, err
	}
	return g.combine(hidden, h)
}

// paceAgree agrees on the keys.
func (c *Card) paceAgree(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	g := run.offer.group
	theirs, ok := tlv.Find(data, 0x83)
	if !ok {
		return nil, swWrongData
	}
	private, public, err := newPair(g, run.generator, c.draw.scalar)
	if err != nil {
		return nil, swUnknownFailure
	}
	shared, err := g.multiply(theirs.Value, private)
	if err != nil || bytes.Equal(public, theirs.Value) {
		return nil, swWrongData
	}
	cipher := run.offer.protocol.Cipher
	run.own, run.peer = public, bytes.Clone(theirs.Value)
	run.kEnc, run.kMac = sm.KDF(g.secret(shared), sm.CounterEnc, cipher), sm.KDF(g.secret(shared), sm.CounterMAC, cipher)
	return tlv.Encode(0x84, public), swOK
}

// token is the authentication token over a public key (Doc 9303-11 §4.4.3.4).
func (r *paceRun) token(public []byte) ([]byte, error) {
	object := tlv.Encode(0x7F49, dotted(r.offer.protocol.OID), tlv.Encode(r.offer.group.tag(), public))
	return r.offer.protocol.Cipher.MAC(r.kMac, object)
}

// paceToken compares the reader's token: only here does a wrong password show.
// With chip authentication mapping the chip adds the proof of its key.
func (c *Card) paceToken(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	cipher := run.offer.protocol.Cipher
	theirs, ok := tlv.Find(data, 0x85)
	if !ok {
		return nil, swWrongData
	}
	want, err := run.token(run.own)
	if err != nil {
		return nil, swUnknownFailure
	}
	if subtle.ConstantTimeCompare(want, theirs.Value) != 1 {
		return nil, c.failed()
	}
	mine, err := run.token(run.peer)
	if err != nil {
		return nil, swUnknownFailure
	}
	answer := tlv.Encode(0x86, mine)
	if run.offer.protocol.Mapping == pace.ChipAuthentication {
		proof, err := c.mappingProof(run)
		if err != nil {
			return nil, swUnknownFailure
		}
		answer = append(answer, tlv.Encode(0x8A, proof)...)
	}
	session, err := sm.New(cipher, run.kEnc, run.kMac, nil)
	if err != nil {
		return nil, swUnknownFailure
	}
	c.session, c.link.failures = session, 0
	return answer, swOK
}

// mappingProof returns the encrypted Chip Authentication Data: the private
// number of the mapping divided by the chip's static key (Doc 9303-11 §4.4.3.5).
func (c *Card) mappingProof(run *paceRun) ([]byte, error) {
	key := c.mappingKey(run.offer)
	if key == nil {
		return nil, fmt.Errorf("no key on domain parameters %d", run.offer.parameter)
	}
	n := run.offer.group.order()
	quotient := new(big.Int).ModInverse(key.private, n)
	quotient.Mul(quotient, run.mapping).Mod(quotient, n)
	return hideMapping(run.offer.protocol.Cipher, run.kEnc, quotient.FillBytes(make([]byte, (n.BitLen()+7)/8)))
}

// hideMapping encrypts Chip Authentication Data under the new session's key;
// the initial vector is the encryption of −1.
func hideMapping(cipher sm.Cipher, kEnc, data []byte) ([]byte, error) {
	minusOne := bytes.Repeat([]byte{0xFF}, cipher.BlockSize())
	iv, err := cipher.EncryptCBC(kEnc, nil, minusOne)
	if err != nil {
		return nil, err
	}
	return cipher.EncryptCBC(kEnc, iv, sm.Pad(data, cipher.BlockSize()))
}

// Constants of the pseudo-random number function (Doc 9303-11 §4.4.3.3.2).
var (
	prf128 = [2][]byte{fromHex("a668892a7c41e3ca739f40b057d85904"), fromHex("a4e136ac725f738b01c1f60217c188ad")}
	prf256 = [2][]byte{
		fromHex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
		fromHex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"),
	}
)

// pseudoRandom makes at least 64 bits more than the field has out of both
// nonces: s of the chip and t of the reader (Doc 9303-11 §4.4.3.3.2).
func pseudoRandom(cipher sm.Cipher, s, t []byte, bits int) ([]byte, error) {
	constants := prf128
	if len(s) > 16 {
		constants = prf256
	}
	key, err := cipher.EncryptCBC(t, nil, s)
	var out []byte
	for err == nil && 8*len(out) < bits+64 {
		var x []byte
		k := key[:cipher.KeySize()]
		if x, err = cipher.EncryptCBC(k, nil, constants[1]); err != nil {
			break
		}
		out = append(out, x...)
		key, err = cipher.EncryptCBC(k, nil, constants[0])
	}
	return out, err
}
