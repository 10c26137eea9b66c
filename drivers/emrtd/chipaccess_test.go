package emrtd_test

import (
	"bytes"
	"crypto/rand"
	"slices"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (c *chip) bac(data []byte) apdu.Response {
	if c.withoutBAC || c.rndIC == nil || len(data) != 40 {
		return sw(0x6D00)
	}
	kEnc, kMac := sm.KDF(c.mrz[:16], 1, sm.TDES), sm.KDF(c.mrz[:16], 2, sm.TDES)
	mac, _ := sm.TDES.MAC(kMac, data[:32])
	if !bytes.Equal(mac, data[32:]) {
		return sw(0x6300)
	}
	s, _ := sm.TDES.DecryptCBC(kEnc, nil, data[:32])
	if !bytes.Equal(s[8:16], c.rndIC) {
		return sw(0x6300)
	}
	kIC := random(16)
	answer, _ := sm.TDES.EncryptCBC(kEnc, nil, slices.Concat(c.rndIC, s[:8], kIC))
	mac, _ = sm.TDES.MAC(kMac, answer)
	seed := make([]byte, 16)
	for i := range seed {
		seed[i] = kIC[i] ^ s[16+i]
	}
	c.open(sm.TDES, sm.KDF(seed, 1, sm.TDES), sm.KDF(seed, 2, sm.TDES), slices.Concat(c.rndIC[4:], s[4:8]))
	return apdu.Response{Data: append(answer, mac...), SW: 0x9000}
}

func (c *chip) open(cipher sm.Cipher, kEnc, kMac, ssc []byte) {
	s, err := sm.New(cipher, kEnc, kMac, ssc)
	if err != nil {
		panic(err)
	}
	c.session = s
	c.opened++
}

func (c *chip) setAT(data []byte) apdu.Response {
	objects, err := asn.Elements(data)
	if err != nil {
		return sw(0x6A80)
	}
	oid, ok1 := tlv.Find(objects, 0x80)
	ref, ok2 := tlv.Find(objects, 0x83)
	param, named := tlv.Find(objects, 0x84)
	if !ok1 || !ok2 || c.inApp || (c.needs84 && !named) {
		return sw(0x6A80)
	}
	access, err := pace.ParseCardAccess(c.access)
	if err != nil {
		return sw(0x6A88)
	}
	var fits []pace.Info
	for _, i := range access.PACE {
		if i.Protocol.OID == asn.OIDString(oid.Value) && !slices.Contains(c.refuse, i.Protocol.Name) && (!named || i.Parameter == int(param.Value[0])) {
			fits = append(fits, i)
		}
	}
	if len(fits) != 1 {
		return sw(0x6A88)
	}
	c.info, c.generate, c.kMac, c.nonce = fits[0], nil, nil, nil
	switch {
	case ref.Value[0] == 2 && c.can != "":
		c.secret = []byte(c.can)
	case ref.Value[0] == 1 && c.mrz != nil:
		c.secret = c.mrz
	default:
		return sw(0x6A88)
	}
	return sw(0x63C2) // a warning that tries were used up
}

func (c *chip) authenticate(cmd apdu.Command) apdu.Response {
	p, domain := c.info.Protocol, c.info.Domain
	outer, _, err := tlv.Next(cmd.Data)
	if err != nil || outer.Tag != 0x7C || domain == nil {
		return sw(0x6A80)
	}
	reply := func(tag uint32, v []byte) apdu.Response {
		if r := pace.DynamicData(tag, v); len(r) <= cmd.Le {
			return apdu.Response{Data: r, SW: 0x9000}
		}
		return sw(0x6700)
	}
	if len(outer.Value) == 0 {
		c.nonce = random(pace.NonceSize(p.Cipher))
		z, _ := pace.EncryptNonce(p.Cipher, pace.PasswordKey(c.secret, p.Cipher), c.nonce)
		return reply(0x80, z)
	}
	do, _, err := tlv.Next(outer.Value)
	if err != nil || c.nonce == nil {
		return sw(0x6A80)
	}
	switch do.Tag {
	case 0x81:
		return c.mapNonce(do.Value, reply)
	case 0x85:
		return c.finish(do.Value)
	case 0x83:
	default:
		return sw(0x6A80)
	}
	if c.generate == nil {
		return sw(0x6985)
	}
	secret, err := c.session1.Secret(c.generate.Private, do.Value)
	if err != nil {
		return sw(0x6A80)
	}
	c.secret, c.theirs = secret, bytes.Clone(do.Value)
	_, c.kMac = pace.SessionKeys(secret, p.Cipher)
	return reply(0x84, c.generate.Public)
}

func (c *chip) mapNonce(value []byte, reply func(uint32, []byte) apdu.Response) apdu.Response {
	if c.failMapping == c.info.Protocol.Name {
		return sw(0x6A80)
	}
	var err error
	answer := apdu.Response{Data: []byte{0x7C, 0x00}, SW: 0x9000}
	if c.info.Protocol.Mapping == pace.Integrated {
		c.session1, err = c.info.Domain.MapIntegrated(c.info.Protocol.Cipher, c.nonce, value)
	} else {
		c.mapping, _ = c.info.Domain.NewKey(rand.Reader)
		c.session1, err = c.info.Domain.MapGeneric(c.nonce, c.mapping.Private, value)
		answer = reply(0x82, c.mapping.Public)
	}
	if err != nil {
		return sw(0x6A80)
	}
	mine, _ := c.session1.NewKey(rand.Reader)
	c.generate = &mine
	return answer
}

func (c *chip) finish(token []byte) apdu.Response {
	p, domain := c.info.Protocol, c.info.Domain
	if c.kMac == nil {
		return sw(0x6985)
	}
	want, _ := domain.Token(p, c.kMac, c.generate.Public)
	if !bytes.Equal(want, token) {
		return sw(0x6300)
	}
	mine, _ := domain.Token(p, c.kMac, c.theirs)
	if c.wrongChipToken {
		mine[0] ^= 1
	}
	kEnc, kMac := pace.SessionKeys(c.secret, p.Cipher)
	answer := tlv.Encode(0x86, mine)
	if p.Mapping == pace.ChipAuthentication && c.static != nil {
		data := pace.ChipData(domain.Curve(), c.static.Private, c.mapping.Private)
		hidden, _ := pace.EncryptChipData(p.Cipher, kEnc, data)
		answer = append(answer, tlv.Encode(0x8A, hidden)...)
	}
	c.open(p.Cipher, kEnc, kMac, nil)
	return apdu.Response{Data: tlv.Encode(0x7C, answer), SW: 0x9000}
}
