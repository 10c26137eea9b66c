package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// Object identifiers of the chip's own protocols (Doc 9303-11 §9.2).
const (
	oidTA       = "0.4.0.127.0.7.2.2.2"
	oidPKArc    = "0.4.0.127.0.7.2.2.1."
	oidCAArc    = "0.4.0.127.0.7.2.2.3."
	oidAA       = "2.23.136.1.1.5"
	oidPlainArc = "0.4.0.127.0.7.1.1.4.1." // ecdsa-plain-SHA…
)

func dotted(oid string) []byte { return tlv.Encode(tagOID, asn.OIDContent(oid)) }

// agreementSpec is one way of Chip Authentication: protocol, domain parameter
// and number of the key, −1 for none.
type agreementSpec struct {
	name      string // "id-CA-ECDH-AES-CBC-CMAC-128"
	parameter int
	id        int

	arc    string // of the object identifiers: 1 DH, 2 ECDH
	oid    string
	cipher sm.Cipher
	group  group
}

func newAgreement(name string, parameter, id int) (agreementSpec, error) {
	a := agreementSpec{name: name, parameter: parameter, id: id}
	rest, ok := strings.CutPrefix(name, "id-CA-")
	agreement, cipher, _ := strings.Cut(rest, "-")
	arcs := map[string]struct {
		arc    string
		cipher sm.Cipher
	}{"3DES-CBC-CBC": {"1", sm.TDES}, "AES-CBC-CMAC-128": {"2", sm.AES128}, "AES-CBC-CMAC-192": {"3", sm.AES192}, "AES-CBC-CMAC-256": {"4", sm.AES256}}
	a.arc = map[string]string{"DH": "1", "ECDH": "2"}[agreement]
	if !ok || a.arc == "" || arcs[cipher].arc == "" || id < -1 {
		return a, fmt.Errorf("the virtual chip does not know the Chip Authentication %q", name)
	}
	a.oid, a.cipher = oidCAArc+a.arc+"."+arcs[cipher].arc, arcs[cipher].cipher
	var err error
	if a.group, err = standardisedGroup(parameter); err != nil {
		return a, err
	}
	if _, curve := a.group.(curveGroup); curve != (agreement == "ECDH") {
		return a, fmt.Errorf("%s does not go with domain parameters %d", name, parameter)
	}
	return a, nil
}

// agreementKey is a static key pair for Chip Authentication.
type agreementKey struct {
	agreementSpec
	private *big.Int
	public  []byte
}

// chipKeys are the keys that prove a chip is not a copy.
type chipKeys struct {
	agreements []agreementKey
	active     *key // nil for none
}

// newChipKeys makes the keys of a chip. RSA keys take seconds to make: a process
// makes one of each length for its genuine chips and one for its copies.
func newChipKeys(s settings, copied bool) (k chipKeys, err error) {
	for _, spec := range s.agreements {
		a := agreementKey{agreementSpec: spec}
		if a.private, a.public, err = newPair(spec.group, spec.group.base(), randomScalar); err != nil {
			return k, err
		}
		k.agreements = append(k.agreements, a)
	}
	if s.active == nil {
		return k, nil
	}
	bits, err := rsaBits(s.active.Key)
	if bits == 0 || err != nil {
		k.active, err = newKey(*s.active)
		return k, err
	}
	if err := s.active.check(); err != nil {
		return k, err
	}
	once, _ := rsaKeys.LoadOrStore(rsaUse{bits, copied}, sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }))
	k.active = &key{spec: *s.active}
	k.active.hash, _ = hashByName(s.active.Hash)
	k.active.rsa, err = once.(func() (*rsa.PrivateKey, error))()
	return k, err
}

// rsaKeys holds what makes the keys of Active Authentication, by their use.
var rsaKeys sync.Map

type rsaUse struct {
	bits   int
	copied bool
}

// infos are the SecurityInfos about the keys for Chip Authentication.
func (k chipKeys) infos() (infos, keys [][]byte) {
	seen := map[string]bool{}
	for _, a := range k.agreements {
		var number []byte
		if a.id >= 0 {
			number = integer(int64(a.id))
		}
		if kind := fmt.Sprint(a.oid, a.id); !seen[kind] {
			infos = append(infos, sequence(dotted(a.oid), integer(1), number))
			seen[kind] = true
		}
		keys = append(keys, sequence(dotted(oidPKArc+a.arc), a.publicKeyInfo(), number))
	}
	return infos, keys
}

// publicKeyInfo names curves by their own identifier and spells DH groups out as
// X9.42 does (Doc 9303-11 §9.4).
func (a agreementKey) publicKeyInfo() []byte {
	switch g := a.group.(type) {
	case curveGroup:
		return publicKeyInfo(g.curve, a.public, false)
	case primeGroup:
		parameters := sequence(bigInteger(g.p), bigInteger(g.g), bigInteger(g.q))
		return sequence(sequence(oid(1, 2, 840, 10046, 2, 1), parameters), bitString(bigInteger(new(big.Int).SetBytes(a.public))))
	}
	return nil
}

// dg14 returns EF.DG14: the SecurityInfos with the keys for Chip Authentication.
func (k chipKeys) dg14(s settings) []byte {
	infos, keys := k.infos()
	parts := append([][]byte{sequence(dotted(oidTA), integer(1))}, infos...)
	for _, o := range s.offers {
		parts = append(parts, o.info())
	}
	parts = append(parts, keys...)
	if k.active != nil && k.active.rsa == nil {
		n := map[crypto.Hash]string{crypto.SHA1: "1", crypto.SHA224: "2", crypto.SHA256: "3", crypto.SHA384: "4", crypto.SHA512: "5"}[k.active.hash]
		parts = append(parts, sequence(dotted(oidAA), integer(1), dotted(oidPlainArc+n)))
	}
	return tlv.Encode(0x6E, set(parts...))
}

// dg15 returns EF.DG15: the key for Active Authentication.
func (k chipKeys) dg15() []byte { return tlv.Encode(0x6F, k.active.publicKeyInfo()) }

// mappingKey returns the key for chip authentication mapping: the one on the
// domain parameters of PACE.
func (c *Card) mappingKey(o paceOffer) *agreementKey {
	for i, a := range c.chip.agreements {
		if a.parameter == o.parameter {
			return &c.chip.agreements[i]
		}
	}
	return nil
}

// cardAccess returns EF.CardAccess: Terminal Authentication and Chip
// Authentication, version 1, and PACE, as on the Vietnamese card.
func (k chipKeys) cardAccess(s settings) []byte {
	infos, _ := k.infos()
	parts := append([][]byte{sequence(dotted(oidTA), integer(1))}, infos...)
	for _, o := range s.offers {
		parts = append(parts, o.info())
	}
	if s.plainCardAccess {
		parts = parts[len(infos)+1:]
	}
	return tlv.Encode(tagSet, parts...)
}

// cardSecurity returns the content of EF.CardSecurity before it is signed.
func (k chipKeys) cardSecurity(s settings) []byte {
	infos, keys := k.infos()
	parts := append(infos, keys...)
	for _, o := range s.offers {
		parts = append(parts, o.info())
	}
	return set(parts...)
}

// setSecurity is MANAGE SECURITY ENVIRONMENT: the start of PACE or of Chip
// Authentication.
func (c *Card) setSecurity(cmd apdu.Command) apdu.Response {
	c.access, c.chipAuth = nil, nil
	switch {
	case cmd.P1 == 0x41 && cmd.P2 == 0xA4:
		return status(c.setChipAuthentication(cmd))
	case cmd.P1 == 0x41 && cmd.P2 == 0xA6:
		return status(c.setKeyAgreement(cmd))
	case cmd.P1 == 0xC1 && cmd.P2 == 0xA4:
		return status(c.setPACE(cmd))
	}
	return status(swWrongP1P2)
}

// agreement finds the key that a command names; without a name there must be
// but one.
func (c *Card) agreement(objects []tlv.Node, fits func(agreementKey) bool) (*agreementKey, uint16) {
	number, named := tlv.Find(objects, 0x84)
	sw := swWrongData
	var found *agreementKey
	for i, a := range c.chip.agreements {
		if !fits(a) {
			continue
		}
		sw = swReference
		if named && (a.id < 0 || new(big.Int).SetBytes(number.Value).Cmp(big.NewInt(int64(a.id))) != 0) {
			continue
		}
		if found != nil {
			return nil, swReference // which of them?
		}
		found = &c.chip.agreements[i]
	}
	if found == nil {
		return nil, sw
	}
	return found, swOK
}

// setChipAuthentication is MSE:Set AT for Chip Authentication version 1.
func (c *Card) setChipAuthentication(cmd apdu.Command) uint16 {
	if c.session == nil {
		return swSecurity
	}
	objects, err := asn.Elements(cmd.Data)
	if err != nil {
		return swWrongData
	}
	method, ok := tlv.Find(objects, 0x80)
	if !ok {
		return swWrongData
	}
	oid := asn.OIDString(method.Value)
	var sw uint16
	c.chipAuth, sw = c.agreement(objects, func(a agreementKey) bool { return a.oid == oid && a.cipher != sm.TDES })
	return sw
}

// setKeyAgreement is MSE:Set KAT: Chip Authentication with 3DES in one command.
func (c *Card) setKeyAgreement(cmd apdu.Command) uint16 {
	if c.session == nil {
		return swSecurity
	}
	objects, err := asn.Elements(cmd.Data)
	if err != nil {
		return swWrongData
	}
	peer, ok := tlv.Find(objects, 0x91)
	if !ok {
		return swWrongData
	}
	key, sw := c.agreement(objects, func(a agreementKey) bool { return a.cipher == sm.TDES })
	if sw != swOK {
		return sw
	}
	return c.renew(key, peer.Value)
}

// chipAuthenticate agrees on new session keys with the chip's static key.
func (c *Card) chipAuthenticate(data []tlv.Node) apdu.Response {
	key := c.chipAuth
	c.chipAuth = nil
	peer, ok := tlv.Find(data, 0x80)
	if !ok {
		return status(swWrongData)
	}
	if sw := c.renew(key, peer.Value); sw != swOK {
		return status(sw)
	}
	return apdu.Response{Data: tlv.Encode(0x7C), SW: swOK}
}

// renew starts secure messaging anew with keys from the static key and peer.
func (c *Card) renew(key *agreementKey, peer []byte) uint16 {
	shared, err := key.group.multiply(peer, key.private)
	if err != nil {
		return swWrongData
	}
	secret := key.group.secret(shared)
	session, err := sm.New(key.cipher, sm.KDF(secret, sm.CounterEnc, key.cipher), sm.KDF(secret, sm.CounterMAC, key.cipher), nil)
	if err != nil {
		return swUnknownFailure
	}
	c.session = session
	return swOK
}

// internalAuthenticate is Active Authentication: a signature over the reader's
// challenge (Doc 9303-11 §6.1).
func (c *Card) internalAuthenticate(cmd apdu.Command) apdu.Response {
	switch {
	case c.chip.active == nil:
		return status(swUnknownINS)
	case c.session == nil && !c.set.open || !c.application:
		return status(swSecurity)
	case len(cmd.Data) != 8 || cmd.Le == apdu.NoLe:
		return status(swLength)
	}
	signature, err := c.chip.active.signChallenge(cmd.Data, c.draw.bytes)
	if err != nil {
		return status(swUnknownFailure)
	}
	if limit := c.frameRoom(); limit > 0 && len(signature) > limit {
		return status(swLength)
	}
	return apdu.Response{Data: signature, SW: swOK}
}

// vietnameseAgreement and vietnameseOffer are those of the Vietnamese card.
func vietnameseAgreement() agreementSpec {
	a, err := newAgreement("id-CA-ECDH-AES-CBC-CMAC-128", 13, -1)
	if err != nil {
		panic("sim: " + err.Error()) // a constant of this package
	}
	return a
}

func vietnameseOffer() paceOffer {
	offer, err := newOffer("id-PACE-ECDH-GM-AES-CBC-CMAC-128", 13)
	if err != nil {
		panic("sim: " + err.Error()) // a constant of this package
	}
	return offer
}
