package emrtd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// Object identifiers in DG14 (Doc 9303-11 §9.2, TR-03110-3 A.1.1).
const (
	arcChipKey  = "0.4.0.127.0.7.2.2.1." // ChipAuthenticationPublicKeyInfo
	arcChipInfo = "0.4.0.127.0.7.2.2.3." // ChipAuthenticationInfo
	oidActive   = "2.23.136.1.1.5"       // ActiveAuthenticationInfo
)

// Bounds of what is taken from DG14.
const (
	maxChipKeys = 8
	minDHBits   = 1024
	maxDHBits   = 4096
)

// agreements and agreementCiphers are the last two arcs of a ChipAuthenticationInfo.
var (
	agreements       = map[string]string{"1": "DH", "2": "ECDH"}
	agreementCiphers = map[string]struct {
		name   string
		cipher sm.Cipher
	}{
		"1": {"3DES-CBC-CBC", sm.TDES}, "2": {"AES-CBC-CMAC-128", sm.AES128},
		"3": {"AES-CBC-CMAC-192", sm.AES192}, "4": {"AES-CBC-CMAC-256", sm.AES256},
	}
)

// securityInfos is what DG14 says about the keys of the chip.
type securityInfos struct {
	announced bool // Chip Authentication of some kind is there
	infos     []chipInfo
	keys      []chipKey
	signature string // OID by which the key of DG15 signs, if it is an elliptic one
	why       error  // why a key cannot be used, if one cannot
}

// chipInfo is a ChipAuthenticationInfo of version 1.
type chipInfo struct {
	oid       string
	agreement string // "DH" or "ECDH"
	cipher    sm.Cipher
	name      string // "id-CA-ECDH-AES-CBC-CMAC-128"
	id        int    // of the key, −1 for none
}

// chipKey is a ChipAuthenticationPublicKeyInfo: a point of a curve, or a number
// of a group modulo p.
type chipKey struct {
	id    int // −1 for none
	curve *ec.Curve
	point ec.Point

	p, g, y *big.Int
	bits    int // of the private numbers, 0 for unsaid
}

func (k chipKey) agreement() string {
	if k.curve != nil {
		return "ECDH"
	}
	return "DH"
}

// chipOffer is one way to do Chip Authentication.
type chipOffer struct {
	chipInfo
	key chipKey
}

var errDG14 = errors.New("DG14 is not a set of SecurityInfos")

// parseSecurityInfos reads EF.DG14. What it does not know it passes over; an entry
// that is broken does not spoil the others.
func parseSecurityInfos(raw []byte) (securityInfos, error) {
	var out securityInfos
	outer, _, err := tlv.Next(raw)
	if err != nil || outer.Tag != 0x6E {
		return out, errors.Join(errDG14, err)
	}
	if out, err = parseSecuritySet(outer.Value); err != nil {
		return out, errors.Join(errDG14, err)
	}
	return out, nil
}

// parseSecuritySet reads a set of SecurityInfos with padding after it, if any.
func parseSecuritySet(raw []byte) (securityInfos, error) {
	var out securityInfos
	set, err := asn.One(raw, asn.Set)
	if err != nil {
		return out, err
	}
	entries, err := asn.Elements(set.Value)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		parts, err := asn.Inside(e, asn.Sequence)
		if err != nil || len(parts) < 2 || parts[0].Tag != asn.OID {
			continue
		}
		switch oid := asn.OIDString(parts[0].Value); {
		case strings.HasPrefix(oid, arcChipKey) && len(out.keys) < maxChipKeys:
			out.announced = true
			key, err := parseChipKey(parts[1:])
			if err != nil {
				out.why = err
				continue
			}
			out.keys = append(out.keys, key)
		case strings.HasPrefix(oid, arcChipInfo) && len(out.infos) < maxChipKeys:
			out.announced = true
			if info, ok := parseChipInfo(oid, parts[1:]); ok {
				out.infos = append(out.infos, info)
			}
		case oid == oidActive && len(parts) > 2:
			out.signature = asn.OIDString(parts[2].Value)
		}
	}
	return out, nil
}

func parseChipInfo(oid string, parts []tlv.Node) (chipInfo, bool) {
	arcs := strings.Split(strings.TrimPrefix(oid, arcChipInfo), ".")
	version, err := asn.Int(parts[0])
	if err != nil || version != 1 || len(arcs) != 2 {
		return chipInfo{}, false
	}
	agreement, cipher := agreements[arcs[0]], agreementCiphers[arcs[1]]
	if agreement == "" || cipher.cipher == 0 {
		return chipInfo{}, false
	}
	info := chipInfo{oid: oid, agreement: agreement, cipher: cipher.cipher, name: "id-CA-" + agreement + "-" + cipher.name, id: -1}
	if len(parts) > 1 {
		if info.id, err = asn.Int(parts[1]); err != nil || info.id < 0 {
			return chipInfo{}, false
		}
	}
	return info, true
}

// parseChipKey reads SubjectPublicKeyInfo and the key's number, if it has one.
func parseChipKey(parts []tlv.Node) (chipKey, error) {
	id := -1
	if len(parts) > 1 {
		var err error
		if id, err = asn.Int(parts[1]); err != nil || id < 0 {
			return chipKey{}, errors.Join(asn.ErrForm, err)
		}
	}
	info, err := asn.Inside(parts[0], asn.Sequence)
	if err != nil || len(info) < 2 {
		return chipKey{}, errors.Join(asn.ErrForm, err)
	}
	algorithm, err := asn.Inside(info[0], asn.Sequence)
	if err != nil || len(algorithm) < 2 {
		return chipKey{}, errors.Join(asn.ErrForm, err)
	}
	bits, err := asn.Bits(info[1])
	if err != nil {
		return chipKey{}, err
	}
	var key chipKey
	switch oid := asn.OIDString(algorithm[0].Value); oid {
	case "1.2.840.113549.1.3.1", "1.2.840.10046.2.1": // dhKeyAgreement, dhpublicnumber
		key, err = parseDHKey(oid, algorithm[1], bits)
	case "0.4.0.127.0.7.1.2": // standardised domain parameters
		var n int
		if n, err = asn.Int(algorithm[1]); err == nil {
			if key.curve, err = pace.Params(n); err == nil {
				key.point, err = key.curve.Decode(bits)
			}
		}
	default:
		var public publicKey
		if public, err = parsePublicKey(parts[0]); err == nil && public.curve == nil {
			err = fmt.Errorf("%w: an RSA key cannot agree on keys", errAlgorithm)
		}
		key.curve, key.point = public.curve, public.point
	}
	key.id = id
	return key, err
}

// parseDHKey reads DHParameter { p, g, length? } of PKCS #3 or DomainParameters
// { p, g, q, … } of X9.42, and the public number.
func parseDHKey(oid string, parameters tlv.Node, bits []byte) (key chipKey, err error) {
	parts, err := asn.Inside(parameters, asn.Sequence)
	if err != nil || len(parts) < 2 {
		return key, errors.Join(asn.ErrForm, err)
	}
	public, err := asn.One(bits, asn.Integer)
	if err != nil {
		return key, err
	}
	for into, n := range map[**big.Int]tlv.Node{&key.p: parts[0], &key.g: parts[1], &key.y: public} {
		if *into, err = asn.Unsigned(n); err != nil {
			return key, err
		}
	}
	size := key.p.BitLen()
	if size < minDHBits || size > maxDHBits || key.p.Bit(0) == 0 || !within(key.g, key.p) || !within(key.y, key.p) {
		return key, fmt.Errorf("%w: a group of %d bits", errAlgorithm, size)
	}
	if len(parts) > 2 && parts[2].Tag == asn.Integer {
		if oid == "1.2.840.10046.2.1" {
			key.bits = new(big.Int).SetBytes(parts[2].Value).BitLen()
		} else if key.bits, err = asn.Int(parts[2]); err != nil {
			return key, err
		}
	}
	if key.bits < 160 || key.bits >= size {
		key.bits = size - 1
	}
	return key, nil
}

// within: 1 < v < p − 1, which leaves out the numbers of order 1 and 2.
func within(v, p *big.Int) bool {
	one := big.NewInt(1)
	return v.Cmp(one) > 0 && v.Cmp(new(big.Int).Sub(p, one)) < 0
}

// offers returns the ways of Chip Authentication that can be run, the longest keys of
// secure messaging first. A chip from before ChipAuthenticationInfo does 3DES.
func (s securityInfos) offers() []chipOffer {
	infos := s.infos
	if len(infos) == 0 {
		infos = []chipInfo{
			{oid: arcChipInfo + "2.1", agreement: "ECDH", cipher: sm.TDES, name: "id-CA-ECDH-3DES-CBC-CBC", id: -1},
			{oid: arcChipInfo + "1.1", agreement: "DH", cipher: sm.TDES, name: "id-CA-DH-3DES-CBC-CBC", id: -1},
		}
	}
	var out []chipOffer
	for _, info := range infos {
		for _, key := range s.keys {
			if key.agreement() == info.agreement && (info.id == key.id || info.id == -1 || key.id == -1) {
				out = append(out, chipOffer{info, key})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b chipOffer) int { return cmp.Compare(b.cipher, a.cipher) })
	return out
}

// agree makes an ephemeral key of the same group and returns its public half, as the
// chip wants it, and the secret shared with the chip's key, both of full length.
func (k chipKey) agree(random io.Reader) (public, secret []byte, err error) {
	if k.curve != nil {
		mine, err := pace.NewKey(random, k.curve, k.curve.G)
		if err != nil {
			return nil, nil, err
		}
		secret, err = pace.SharedSecret(k.curve, mine.Private, k.point)
		return k.curve.Encode(mine.Public), secret, err
	}
	number := make([]byte, (k.bits+7)/8)
	if _, err := io.ReadFull(random, number); err != nil {
		return nil, nil, fmt.Errorf("random number: %w", err)
	}
	x := new(big.Int).SetBytes(number)
	x.Rsh(x, uint(len(number)*8-k.bits)).SetBit(x, k.bits-1, 1)
	size := (k.p.BitLen() + 7) / 8
	fixed := func(base *big.Int) []byte { return new(big.Int).Exp(base, x, k.p).FillBytes(make([]byte, size)) }
	return fixed(k.g), fixed(k.y), nil
}

// activeKey reads EF.DG15: the key of Active Authentication.
func activeKey(raw []byte) (publicKey, error) {
	outer, _, err := tlv.Next(raw)
	if err != nil || outer.Tag != 0x6F {
		return publicKey{}, errors.Join(asn.ErrForm, err)
	}
	info, err := asn.One(outer.Value, asn.Sequence)
	if err != nil {
		return publicKey{}, err
	}
	return parsePublicKey(info)
}
