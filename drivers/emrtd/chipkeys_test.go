package emrtd_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// chipKeys is the card's side of Chip and Active Authentication. OpenSSL holds the
// keys, agrees and signs.
type chipKeys struct {
	t   testing.TB
	dir *issuer

	oid         string // of Chip Authentication
	cipher      sm.Cipher
	reference   []byte // the key's number, when it has one
	kat         bool   // MSE:Set KAT is known
	info        []byte // SubjectPublicKeyInfo of the key in DG14
	getResponse bool   // long signatures come by GET RESPONSE
	copied      bool   // the card does not have that key
	chosen      bool

	sign func(challenge []byte) []byte

	refuse map[byte]uint16 // by instruction
}

func newChipKeys(t testing.TB) *chipKeys {
	return &chipKeys{t: t, dir: newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")), refuse: map[byte]uint16{}}
}

// makeKey has OpenSSL make a key and returns its SubjectPublicKeyInfo.
func (k *chipKeys) makeKey(name string, args ...string) []byte {
	k.t.Helper()
	k.dir.openssl(append(append([]string{"genpkey"}, args...), "-out", name+".key")...)
	k.dir.openssl("pkey", "-in", name+".key", "-pubout", "-outform", "DER", "-out", name+".pub")
	return k.dir.read(name + ".pub")
}

func (k *chipKeys) answer(c *chip, cmd apdu.Command) apdu.Response {
	if v, ok := k.refuse[cmd.INS]; ok {
		return sw(v)
	}
	switch cmd.INS {
	case 0x22:
		objects, err := asn.Elements(cmd.Data)
		if err != nil || cmd.P1 != 0x41 {
			return sw(0x6A80)
		}
		number, _ := tlv.Find(objects, 0x84)
		if !bytes.Equal(number.Value, k.reference) {
			return sw(0x6A88)
		}
		if public, ok := tlv.Find(objects, 0x91); ok && k.kat && cmd.P2 == 0xA6 {
			return k.renew(c, public.Value)
		}
		method, ok := tlv.Find(objects, 0x80)
		if k.chosen = ok && cmd.P2 == 0xA4 && asn.OIDString(method.Value) == k.oid; !k.chosen {
			return sw(0x6A80)
		}
		return sw(0x9000)
	case 0x86:
		data, err := asn.One(cmd.Data, 0x7C)
		if err != nil || !k.chosen {
			return sw(0x6985)
		}
		public, err := asn.One(data.Value, 0x80)
		if err != nil {
			return sw(0x6A80)
		}
		return k.renew(c, public.Value)
	}
	if k.sign == nil || len(cmd.Data) != 8 {
		return sw(0x6D00)
	}
	signature := k.sign(cmd.Data)
	if !k.getResponse && (len(signature) > cmd.Le || !cmd.Extended && len(signature) > 223) {
		return sw(0x6700)
	}
	return apdu.Response{Data: signature, SW: 0x9000}
}

// renew agrees on a secret with the reader's key and takes the keys that come of it.
func (k *chipKeys) renew(c *chip, public []byte) apdu.Response {
	k.t.Helper()
	secret := k.derive(public)
	if k.copied {
		secret[0] ^= 1
	}
	session, err := sm.New(k.cipher, sm.KDF(secret, 1, k.cipher), sm.KDF(secret, 2, k.cipher), nil)
	if err != nil {
		k.t.Fatal(err)
	}
	c.session = session
	return apdu.Response{Data: []byte{0x7C, 0x00}, SW: 0x9000}
}

// derive has OpenSSL agree with public, in the parameters of the card's key.
func (k *chipKeys) derive(public []byte) []byte {
	k.t.Helper()
	outer, err := asn.One(k.info, asn.Sequence)
	if err != nil {
		k.t.Fatal(err)
	}
	parts, err := asn.Elements(outer.Value)
	if err != nil {
		k.t.Fatal(err)
	}
	size, bits := (len(public)-1)/2, public
	if public[0] != 4 || len(public)%2 == 0 { // a number, not a point
		size = len(public)
		if bits = new(big.Int).SetBytes(public).Bytes(); bits[0] >= 0x80 {
			bits = append([]byte{0}, bits...)
		}
		bits = tlv.Encode(asn.Integer, bits)
	}
	k.dir.write("peer.der", tlv.Encode(asn.Sequence, parts[0].Raw, tlv.Encode(asn.BitString, []byte{0}, bits)))
	k.dir.openssl("pkey", "-pubin", "-inform", "DER", "-in", "peer.der", "-out", "peer.pem")
	k.dir.openssl("pkeyutl", "-derive", "-inkey", "ca.key", "-peerkey", "peer.pem", "-out", "secret")
	return new(big.Int).SetBytes(k.dir.read("secret")).FillBytes(make([]byte, size))
}

const (
	oidChipKey    = "0.4.0.127.0.7.2.2.1."
	oidChipInfo   = "0.4.0.127.0.7.2.2.3."
	oidActiveInfo = "2.23.136.1.1.5"
	oidPlain      = "0.4.0.127.0.7.1.1.4.1."
)

func dotted(oid string) []byte { return tlv.Encode(asn.OID, asn.OIDContent(oid)) }

func entry(parts ...[]byte) []byte { return tlv.Encode(asn.Sequence, parts...) }

var versionOne = []byte{2, 1, 1}

// agreement gives the card a key for Chip Authentication and returns what DG14 says of it.
func (k *chipKeys) agreement(family, cipherArc string, withInfo bool, id int, args ...string) []byte {
	k.t.Helper()
	k.oid = oidChipInfo + family + "." + cipherArc
	k.cipher = map[string]sm.Cipher{"1": sm.TDES, "2": sm.AES128, "3": sm.AES192, "4": sm.AES256}[cipherArc]
	k.info = k.makeKey("ca", args...)
	var number []byte
	if id >= 0 {
		number = tlv.Encode(asn.Integer, []byte{byte(id)})
		k.reference = []byte{byte(id)}
	}
	infos := entry(dotted(oidChipKey+family), k.info, number)
	if withInfo {
		infos = append(infos, entry(dotted(k.oid), versionOne, number)...)
	}
	return infos
}

// lay makes a card with these entries in DG14 and this key in DG15, nil for none, and
// returns the store that trusts it.
func (k *chipKeys) lay(infos, key []byte) (*chip, *emrtd.Trust) {
	k.t.Helper()
	c, tr, _ := k.layWith(infos, key)
	return c, tr
}

// layWith is lay that returns the signer too.
func (k *chipKeys) layWith(infos, key []byte) (*chip, *emrtd.Trust, *issuer) {
	k.t.Helper()
	files := chipFiles()
	if infos != nil {
		files[emrtd.DG14] = tlv.Encode(0x6E, tlv.Encode(asn.Set, infos))
	}
	if key != nil {
		files[emrtd.DG15] = tlv.Encode(0x6F, key)
	}
	ca := newIssuer(k.t, k.dir.kind).authority()
	c := newChip()
	c.files = files
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
	c.keys, c.mfStatus = k, 0
	return c, trust(k.t, ca.read("csca.pem")), ca
}

// ecdsa makes a key for Active Authentication that signs with hash.
func (k *chipKeys) ecdsa(curve, hash string, plain bool) []byte {
	k.t.Helper()
	info := k.makeKey("aa", ecKind(curve, "explicit", "").key...)
	k.sign = func(challenge []byte) []byte {
		k.dir.write("challenge", challenge)
		k.dir.openssl("dgst", "-"+hash, "-sign", "aa.key", "-out", "signature", "challenge")
		der := k.dir.read("signature")
		if !plain {
			return der
		}
		var halves struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &halves); err != nil {
			k.t.Fatal(err)
		}
		n := map[string]int{"prime256v1": 32, "brainpoolP384r1": 48, "secp521r1": 66}[curve]
		return append(halves.R.FillBytes(make([]byte, n)), halves.S.FillBytes(make([]byte, n))...)
	}
	return info
}

// recovery is a way to sign with message recovery.
type recovery struct {
	bits    int
	hash    crypto.Hash
	trailer []byte
	header  []byte // default 6A
	smaller bool   // give n − s
}

// rsa makes a key for Active Authentication that signs by ISO/IEC 9796-2.
func (k *chipKeys) rsa(r recovery) []byte {
	k.t.Helper()
	info := k.makeKey("aa", "-algorithm", "RSA", "-pkeyopt", fmt.Sprintf("rsa_keygen_bits:%d", r.bits))
	k.sign = func(challenge []byte) []byte { return k.recoverable(r, challenge) }
	return info
}

func (k *chipKeys) recoverable(r recovery, challenge []byte) []byte {
	k.t.Helper()
	if r.header == nil {
		r.header = []byte{0x6A}
	}
	first := random(r.bits/8 - len(r.header) - r.hash.Size() - len(r.trailer))
	h := r.hash.New()
	h.Write(first)
	h.Write(challenge)
	k.dir.write("f", slices.Concat(r.header, first, h.Sum(nil), r.trailer))
	k.dir.openssl("pkeyutl", "-decrypt", "-inkey", "aa.key", "-pkeyopt", "rsa_padding_mode:none", "-in", "f", "-out", "signature")
	s := k.dir.read("signature")
	if !r.smaller {
		return s
	}
	public, err := asn.One(k.dir.read("aa.pub"), asn.Sequence)
	if err != nil {
		k.t.Fatal(err)
	}
	at := bytes.Index(public.Value, []byte{0x02, 0x81}) // modulus of 1024 bits
	n := new(big.Int).SetBytes(public.Value[at+3 : at+3+r.bits/8+1])
	return n.Sub(n, new(big.Int).SetBytes(s)).FillBytes(make([]byte, len(s)))
}
