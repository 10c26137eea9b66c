package emrtd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// revocationList is a certificate revocation list (RFC 5280 §5).
type revocationList struct {
	raw        []byte
	tbs        []byte
	issuer     []byte
	from       string // the issuer, comparable
	issuerID   []byte // authority key identifier, if there
	number     *big.Int
	thisUpdate time.Time
	nextUpdate time.Time // zero when it says none
	serials    map[string]bool
	partial    bool // a delta, or only of some certificates
	algorithm  tlv.Node
	signature  []byte
	file       string // of the trust store

	once   sync.Once
	signer *certificate // of the trust store, whose key made the signature; nil for nobody
}

var errRevocationList = errors.New("not a revocation list")

// parseRevocationList reads DER.
func parseRevocationList(der []byte) (*revocationList, error) {
	bad := func(err error) (*revocationList, error) { return nil, errors.Join(errRevocationList, err) }
	outer, _, err := tlv.Next(der)
	if err != nil || outer.Tag != asn.Sequence {
		return bad(err)
	}
	parts, err := asn.Elements(outer.Value)
	if err != nil || len(parts) != 3 || parts[0].Tag != asn.Sequence {
		return bad(err)
	}
	l := &revocationList{raw: outer.Raw, tbs: parts[0].Raw, algorithm: parts[1], serials: map[string]bool{}}
	if l.signature, err = asn.Bits(parts[2]); err != nil {
		return bad(err)
	}
	fields, err := asn.Elements(parts[0].Value)
	if err != nil {
		return bad(err)
	}
	if len(fields) > 0 && fields[0].Tag == asn.Integer {
		fields = fields[1:]
	}
	if len(fields) < 3 || fields[0].Tag != asn.Sequence || fields[1].Tag != asn.Sequence {
		return bad(nil)
	}
	if !bytes.Equal(fields[0].Raw, parts[1].Raw) {
		return bad(errors.New("it names two signature algorithms"))
	}
	l.issuer, l.from = fields[1].Raw, canonicalName(fields[1].Raw)
	if l.thisUpdate, err = asn.Time(fields[2]); err != nil {
		return bad(err)
	}
	for _, f := range fields[3:] {
		switch f.Tag {
		case asn.UTCTime, asn.GeneralizedTime:
			l.nextUpdate, err = asn.Time(f)
		case asn.Sequence:
			err = l.entries(f.Value)
		case 0xA0:
			err = l.extensions(f.Value)
		}
		if err != nil {
			return bad(err)
		}
	}
	return l, nil
}

func (l *revocationList) entries(body []byte) error {
	entries, err := asn.Elements(body)
	if err != nil {
		return err
	}
	for _, e := range entries {
		kv, err := asn.Elements(e.Value)
		if err != nil || len(kv) == 0 || kv[0].Tag != asn.Integer {
			return errors.Join(asn.ErrForm, err)
		}
		l.serials[canonicalSerial(kv[0].Value)] = true
	}
	return nil
}

func (l *revocationList) extensions(body []byte) error {
	list, err := asn.One(body, asn.Sequence)
	if err != nil {
		return err
	}
	all, err := asn.Elements(list.Value)
	if err != nil {
		return err
	}
	for _, e := range all {
		parts, err := asn.Inside(e, asn.Sequence)
		if err != nil || len(parts) < 2 {
			continue
		}
		n, _, err := tlv.Next(parts[len(parts)-1].Value)
		if err != nil {
			continue
		}
		switch asn.OIDString(parts[0].Value) {
		case "2.5.29.20":
			if len(n.Value) > 0 && len(n.Value) <= 32 {
				l.number = new(big.Int).SetBytes(n.Value)
			}
		case "2.5.29.35":
			if ids, err := asn.Elements(n.Value); err == nil {
				if id, ok := tlv.Find(ids, 0x80); ok {
					l.issuerID = id.Value
				}
			}
		case "2.5.29.27", "2.5.29.28":
			l.partial = true
		}
	}
	return nil
}

func (l *revocationList) fingerprint() string {
	h := sha256.Sum256(l.raw)
	return hex.EncodeToString(h[:])
}

// newerThan reports whether l came after the other list of the same key. The
// numbers count; where one has none, the dates.
func (l *revocationList) newerThan(other *revocationList) bool {
	if l.number != nil && other.number != nil && l.number.Cmp(other.number) != 0 {
		return l.number.Cmp(other.number) > 0
	}
	return l.thisUpdate.After(other.thisUpdate)
}

// canonicalSerial returns a serial number so that numbers with and without leading
// zeros are the same.
func canonicalSerial(b []byte) string { return string(bytes.TrimLeft(b, "\x00")) }

// revoked reports whether a list of c's authority names c. An authority signs its
// list with its newest key, also for what older keys issued (Doc 9303-12 §7.1.4), so that
// any key of that name in the store may have signed. A list whose signature does
// not fit says nothing; one that is old still does.
func (t *Trust) revoked(c *certificate) bool {
	for _, l := range t.lists {
		if l.from == c.from && l.serials[canonicalSerial(c.serial)] && t.signerOf(l) != nil {
			return true
		}
	}
	return false
}

// signerOf returns the store's certificate whose key signed the list, or nil. The
// certificate must itself be vouched for.
func (t *Trust) signerOf(l *revocationList) *certificate {
	l.once.Do(func() { l.signer = t.findSigner(l) })
	return l.signer
}

func (t *Trust) findSigner(l *revocationList) *certificate {
	for _, c := range t.byName[l.from] {
		if c.mayIssue() && l.signedBy(c) == nil && t.vouchedFor(c) {
			return c
		}
	}
	return nil
}

func (l *revocationList) signedBy(c *certificate) error {
	if len(l.issuerID) > 0 && len(c.keyID) > 0 && !bytes.Equal(l.issuerID, c.keyID) {
		return fmt.Errorf("%w: the list names another key", errSignature)
	}
	return c.check(l.algorithm, hashAlgorithm{}, l.tbs, l.signature)
}

// vouchedFor reports whether a certificate of the store is an authority that ends
// chains, or leads to one, whatever the date.
func (t *Trust) vouchedFor(c *certificate) bool {
	if c.selfSigned() || c.origin == OriginList {
		return true
	}
	s := search{trust: t, tried: maxTried}
	s.from([]*certificate{c})
	return len(s.paths) > 0
}
