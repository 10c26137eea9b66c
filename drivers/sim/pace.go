package sim

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // given by Doc 9303-11
	"crypto/subtle"
	"fmt"
	"strings"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// paceOffer is the one way that a chip offers for PACE.
type paceOffer struct {
	protocol  pace.Protocol
	parameter int
	curve     *ec.Curve
}

// paceRun is one run of PACE. The chip's keys are made where a step needs them.
type paceRun struct {
	key       []byte // K_pi
	step      int    // the last step that was done
	nonce     []byte
	generator ec.Point
	own, peer ec.Point // ephemeral public keys
	kEnc      []byte
	kMac      []byte
}

// vietnamese is the offer of the Vietnamese card.
func vietnamese() paceOffer {
	offer, err := newOffer("id-PACE-ECDH-GM-AES-CBC-CMAC-128", 13)
	if err != nil {
		panic("sim: " + err.Error()) // a constant of this package
	}
	return offer
}

func newOffer(protocol string, parameter int) (paceOffer, error) {
	p, ok := pace.ByName(protocol)
	if !ok || !strings.HasPrefix(protocol, "id-PACE-ECDH-GM-") {
		return paceOffer{}, fmt.Errorf("the virtual chip does not know the PACE protocol %q", protocol)
	}
	curve, err := pace.Params(parameter)
	if err != nil {
		return paceOffer{}, err
	}
	return paceOffer{protocol: p, parameter: parameter, curve: curve}, nil
}

// info returns the offer's PACEInfo.
func (o paceOffer) info() []byte {
	return sequence(dotted(o.protocol.OID), integer(2), integer(int64(o.parameter)))
}

// cardAccess returns EF.CardAccess with the offer: Terminal Authentication
// version 1, Chip Authentication version 1 and PACE, as on the Vietnamese card.
func (o paceOffer) cardAccess() []byte {
	return tlv.Encode(tagSet,
		sequence(dotted(oidTA), integer(1)),
		sequence(dotted(oidCA), integer(1)),
		o.info())
}

// Passwords of PACE (TR-03110-3 §A.2, table of MSE:Set AT).
const (
	passwordMRZ = 1
	passwordCAN = 2
)

// setSecurity is MANAGE SECURITY ENVIRONMENT: the start of PACE or of Chip
// Authentication.
func (c *Card) setSecurity(cmd apdu.Command) uint16 {
	c.access, c.chipAuth = nil, false
	switch {
	case cmd.P1 == 0x41 && cmd.P2 == 0xA4:
		return c.setChipAuthentication(cmd)
	case cmd.P1 != 0xC1 || cmd.P2 != 0xA4:
		return swWrongP1P2
	case c.session != nil:
		return swConditions
	}
	objects, err := asn.Elements(cmd.Data)
	if err != nil {
		return swWrongData
	}
	method, ok := tlv.Find(objects, 0x80)
	if !ok || asn.OIDString(method.Value) != c.set.offer.protocol.OID {
		return swWrongData
	}
	password, ok := tlv.Find(objects, 0x83)
	if !ok || len(password.Value) != 1 {
		return swWrongData
	}
	if id, ok := tlv.Find(objects, 0x84); ok && (len(id.Value) != 1 || int(id.Value[0]) != c.set.offer.parameter) {
		return swReference
	}
	var secret []byte
	switch password.Value[0] {
	case passwordMRZ:
		sum := sha1.Sum([]byte(c.mrz)) //nolint:gosec // see import
		secret = sum[:]
	case passwordCAN:
		secret = []byte(c.can)
	default:
		return swReference
	}
	c.access = &paceRun{key: pace.PasswordKey(secret, c.set.offer.protocol.Cipher)}
	return swOK
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
	if c.chipAuth {
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
	return apdu.Response{Data: answer, SW: swOK}
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

// paceNonce answers the hidden nonce.
func (c *Card) paceNonce(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	if len(data) > 0 {
		return nil, swWrongData
	}
	run.nonce = random(16)
	hidden, err := pace.EncryptNonce(c.set.offer.protocol.Cipher, run.key, run.nonce)
	if err != nil {
		return nil, swUnknownFailure
	}
	return pace.DynamicData(0x80, hidden), swOK
}

// peerKey reads the reader's key from a step's data.
func (c *Card) peerKey(data []tlv.Node, tag uint32) (ec.Point, bool) {
	n, ok := tlv.Find(data, tag)
	if !ok {
		return ec.Point{}, false
	}
	p, err := c.set.offer.curve.Decode(n.Value)
	return p, err == nil
}

// paceMap agrees on the session's generator.
func (c *Card) paceMap(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	curve := c.set.offer.curve
	peer, ok := c.peerKey(data, 0x81)
	if !ok {
		return nil, swWrongData
	}
	own, err := pace.NewKey(rand.Reader, curve, curve.G)
	if err != nil {
		return nil, swUnknownFailure
	}
	if run.generator, err = pace.MapGeneric(curve, run.nonce, own.Private, peer); err != nil {
		return nil, swWrongData
	}
	return pace.DynamicData(0x82, curve.Encode(own.Public)), swOK
}

// paceAgree agrees on the keys.
func (c *Card) paceAgree(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	curve := c.set.offer.curve
	peer, ok := c.peerKey(data, 0x83)
	if !ok {
		return nil, swWrongData
	}
	own, err := pace.NewKey(rand.Reader, curve, run.generator)
	if err != nil {
		return nil, swUnknownFailure
	}
	secret, err := pace.SharedSecret(curve, own.Private, peer)
	if err != nil || own.Public.Equal(peer) {
		return nil, swWrongData
	}
	run.own, run.peer = own.Public, peer
	run.kEnc, run.kMac = pace.SessionKeys(secret, c.set.offer.protocol.Cipher)
	return pace.DynamicData(0x84, curve.Encode(own.Public)), swOK
}

// paceToken compares the reader's token: only here does a wrong password show.
func (c *Card) paceToken(run *paceRun, data []tlv.Node) ([]byte, uint16) {
	offer := c.set.offer
	theirs, ok := tlv.Find(data, 0x85)
	if !ok {
		return nil, swWrongData
	}
	want, err := pace.Token(offer.protocol, run.kMac, offer.curve, run.own)
	if err != nil {
		return nil, swUnknownFailure
	}
	if subtle.ConstantTimeCompare(want, theirs.Value) != 1 {
		c.failed()
		return nil, swWrongPassword
	}
	mine, err := pace.Token(offer.protocol, run.kMac, offer.curve, run.peer)
	if err != nil {
		return nil, swUnknownFailure
	}
	session, err := sm.New(offer.protocol.Cipher, run.kEnc, run.kMac, nil)
	if err != nil {
		return nil, swUnknownFailure
	}
	c.session, c.link.failures = session, 0
	return pace.DynamicData(0x86, mine), swOK
}
