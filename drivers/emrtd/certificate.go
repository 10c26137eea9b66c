package emrtd

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// certificate is an X.509 certificate as issuers of documents make them. It is
// read here because crypto/x509 refuses Brainpool curves and explicit parameters.
type certificate struct {
	raw             []byte
	tbs             []byte // the signed part
	serial          []byte // content of the INTEGER
	issuer, subject []byte // encoded names
	notBefore       time.Time
	notAfter        time.Time
	key             publicKey
	keyErr          error // why key cannot be used
	algorithm       tlv.Node
	signature       []byte
	keyID, issuerID []byte // subject and authority key identifiers, if there
	ca              caMark
	purposes        []string // extended key usage, OIDs
	from, to        string   // issuer and subject, comparable
	origin          Origin   // how it came into the trust store
	file            string   // of the trust store

	selfOnce sync.Once
	self     bool
}

// caMark says whether a certificate may issue others.
type caMark int

const (
	caUnsaid caMark = iota // no extension says so or denies it
	caYes
	caNo
)

var errCertificate = errors.New("not a certificate")

// parseCertificate reads DER, or BER with definite lengths.
func parseCertificate(der []byte) (*certificate, error) {
	outer, _, err := tlv.Next(der)
	if err != nil || outer.Tag != asn.Sequence {
		return nil, errors.Join(errCertificate, err)
	}
	parts, err := asn.Elements(outer.Value)
	if err != nil || len(parts) != 3 || parts[0].Tag != asn.Sequence || parts[1].Tag != asn.Sequence {
		return nil, errors.Join(errCertificate, err)
	}
	c := &certificate{raw: outer.Raw, tbs: parts[0].Raw, algorithm: parts[1]}
	if c.signature, err = asn.Bits(parts[2]); err != nil {
		return nil, errors.Join(errCertificate, err)
	}
	fields, err := asn.Elements(parts[0].Value)
	if err != nil {
		return nil, errors.Join(errCertificate, err)
	}
	if len(fields) > 0 && fields[0].Tag == 0xA0 {
		fields = fields[1:]
	}
	if len(fields) < 6 || fields[0].Tag != asn.Integer {
		return nil, errCertificate
	}
	if !bytes.Equal(fields[1].Raw, parts[1].Raw) {
		return nil, fmt.Errorf("%w: names two signature algorithms", errCertificate)
	}
	c.serial, c.issuer, c.subject = fields[0].Value, fields[2].Raw, fields[4].Raw
	c.from, c.to = canonicalName(c.issuer), canonicalName(c.subject)
	validity, err := asn.Inside(fields[3], asn.Sequence)
	if err != nil || len(validity) != 2 {
		return nil, errors.Join(errCertificate, err)
	}
	if c.notBefore, err = asn.Time(validity[0]); err != nil {
		return nil, errors.Join(errCertificate, err)
	}
	if c.notAfter, err = asn.Time(validity[1]); err != nil {
		return nil, errors.Join(errCertificate, err)
	}
	c.key, c.keyErr = parsePublicKey(fields[5])
	for _, f := range fields[6:] {
		if f.Tag == 0xA3 {
			c.extensions(f.Value)
		}
	}
	return c, nil
}

func (c *certificate) extensions(body []byte) {
	list, err := asn.One(body, asn.Sequence)
	if err != nil {
		return
	}
	all, err := asn.Elements(list.Value)
	if err != nil {
		return
	}
	for _, e := range all {
		parts, err := asn.Inside(e, asn.Sequence)
		if err != nil || len(parts) < 2 {
			continue
		}
		c.extension(asn.OIDString(parts[0].Value), parts[len(parts)-1].Value)
	}
}

func (c *certificate) extension(oid string, value []byte) {
	n, _, err := tlv.Next(value)
	if err != nil {
		return
	}
	switch oid {
	case "2.5.29.14":
		c.keyID = n.Value
	case "2.5.29.35":
		if parts, err := asn.Elements(n.Value); err == nil {
			if id, ok := tlv.Find(parts, 0x80); ok {
				c.issuerID = id.Value
			}
		}
	case "2.5.29.37":
		if parts, err := asn.Elements(n.Value); err == nil {
			for _, p := range parts {
				c.purposes = append(c.purposes, asn.OIDString(p.Value))
			}
		}
	case "2.5.29.19":
		parts, err := asn.Elements(n.Value)
		c.ca = caNo
		if err == nil && len(parts) > 0 && parts[0].Tag == asn.Boolean && !bytes.Equal(parts[0].Value, []byte{0}) {
			c.ca = caYes
		}
	case "2.5.29.15":
		const keyCertSign = 0x04
		if c.ca == caUnsaid && len(n.Value) >= 2 && n.Value[1]&keyCertSign == 0 {
			c.ca = caNo
		}
	}
}

// mayIssue reports whether c may vouch for others. A certificate from before
// extensions may when it is its own issuer, and so may one that a master list names
// as an authority: some real ones forgot to say so.
func (c *certificate) mayIssue() bool {
	return c.ca == caYes || (c.from == c.to && (c.ca == caUnsaid || c.origin == OriginList))
}

// selfSigned reports whether c's own key signed it. A link certificate of the same
// name is signed by the authority's older key.
func (c *certificate) selfSigned() bool {
	c.selfOnce.Do(func() {
		named := len(c.issuerID) == 0 || len(c.keyID) == 0 || bytes.Equal(c.issuerID, c.keyID)
		c.self = c.from == c.to && named && c.signedBy(c) == nil
	})
	return c.self
}

// fingerprint is the SHA-256 of the whole certificate.
func (c *certificate) fingerprint() string {
	h := sha256.Sum256(c.raw)
	return hex.EncodeToString(h[:])
}

// signedBy checks c's signature with issuer's key.
func (c *certificate) signedBy(issuer *certificate) error {
	return issuer.check(c.algorithm, hashAlgorithm{}, c.tbs, c.signature)
}

// check verifies a signature that c's key made.
func (c *certificate) check(algorithm tlv.Node, digest hashAlgorithm, message, signature []byte) error {
	if c.keyErr != nil {
		return c.keyErr
	}
	s, err := schemeOf(algorithm, digest)
	if err != nil {
		return err
	}
	return c.key.verify(s, message, signature)
}

// validAt reports whether t lies within the validity.
func (c *certificate) validAt(t time.Time) bool {
	return !t.Before(c.notBefore) && !t.After(c.notAfter)
}

// country returns the country code in upper case, "" when it names none.
func (c *certificate) country() string {
	return strings.ToUpper(cmp.Or(nameValue(c.subject, "2.5.4.6"), nameValue(c.issuer, "2.5.4.6")))
}

// sameName compares two encoded names as issuers mean them: without regard to case,
// white space and kind of string.
func sameName(a, b []byte) bool {
	return bytes.Equal(a, b) || canonicalName(a) == canonicalName(b)
}

func canonicalName(der []byte) string {
	var b strings.Builder
	eachName(der, func(oid, value string) {
		b.WriteString(oid + "=" + strings.ToLower(strings.Join(strings.Fields(value), " ")) + "\n")
	})
	return b.String()
}

func nameValue(der []byte, oid string) string {
	out := ""
	eachName(der, func(o, v string) {
		if o == oid && out == "" {
			out = v
		}
	})
	return out
}

func eachName(der []byte, do func(oid, value string)) {
	seq, _, err := tlv.Next(der)
	if err != nil {
		return
	}
	sets, err := asn.Elements(seq.Value)
	if err != nil {
		return
	}
	for _, s := range sets {
		pairs, err := asn.Elements(s.Value)
		if err != nil {
			continue
		}
		for _, p := range pairs {
			if kv, err := asn.Elements(p.Value); err == nil && len(kv) == 2 {
				do(asn.OIDString(kv[0].Value), string(kv[1].Value))
			}
		}
	}
}
