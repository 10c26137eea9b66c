package emrtd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"tram/drivers/emrtd/asn"
)

// Object identifiers of master lists (Doc 9303-12 §7.1.3 and §9).
const (
	oidMasterList       = "2.23.136.1.1.2"
	oidMasterListSigner = "2.23.136.1.1.3"
	oidSigningTime      = "1.2.840.113549.1.9.5"
)

// Bounds of what is imported.
const (
	maxListed = 16 << 10 // certificates of one master list
)

var (
	errMasterList = errors.New("not a master list")
	errSignerRole = errors.New("its signer may not sign master lists")
	errNoAnchor   = errors.New("its signer leads to no authority in the list, the trust store or the files given")
)

// masterList is a CSCA master list, taken apart.
type masterList struct {
	signed       *signedData
	certificates []*certificate
	refused      []Refusal
}

// parseMasterList reads CMS SignedData around
// SEQUENCE { version, SET OF Certificate }. A certificate that cannot be read is
// refused by itself.
func parseMasterList(der []byte) (*masterList, error) {
	sd, err := parseSignedData(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMasterList, err)
	}
	if sd.contentType != oidMasterList {
		return nil, fmt.Errorf("%w: content of type %s", errMasterList, sd.contentType)
	}
	seq, err := asn.One(sd.content, asn.Sequence)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMasterList, err)
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil || len(parts) < 2 || parts[0].Tag != asn.Integer || parts[1].Tag != asn.Set {
		return nil, errors.Join(errMasterList, err)
	}
	nodes, err := asn.Elements(parts[1].Value)
	if err != nil || len(nodes) > maxListed {
		return nil, errors.Join(errMasterList, err)
	}
	m := &masterList{signed: sd}
	for i, n := range nodes {
		c, err := parseCertificate(n.Raw)
		if err != nil {
			m.refused = append(m.refused, Refusal{Item: fmt.Sprintf("certificate %d", i+1), Reason: err.Error()})
			continue
		}
		c.origin = OriginList
		m.certificates = append(m.certificates, c)
	}
	return m, nil
}

// Vouchers of a master list: who vouches for the authority of its signer.
const (
	VouchedByStore = "trust-store"    // it was in the trust store already
	VouchedByFile  = "given-file"     // the operator gave it beside the list
	VouchedByList  = "self-contained" // nobody but the list itself
)

// ListSigner says who signed a master list and who vouches for that.
type ListSigner struct {
	Certificate CertificateInfo  `json:"certificate"`
	Authority   *CertificateInfo `json:"authority,omitempty"` // the end of the signer's chain
	VouchedBy   string           `json:"vouchedBy"`           // "trust-store", "given-file", "self-contained"
	SignedAt    *time.Time       `json:"signedAt,omitempty"`
	Expired     bool             `json:"expired,omitempty"` // since it signed
}

// verify checks the list's signature and follows its signer to an authority: one of
// the store, of the files given with it, or of the list itself.
func (m *masterList) verify(store, given *Trust, at time.Time) (*ListSigner, error) {
	signer, err := m.signed.verify(store)
	if err != nil {
		return nil, fmt.Errorf("its signature: %w", err)
	}
	if !slices.Contains(signer.purposes, oidMasterListSigner) && !signer.mayIssue() {
		return nil, errSignerRole
	}
	out := &ListSigner{Certificate: signer.info()}
	when := at
	if t, ok := m.signed.signingTime(); ok {
		out.SignedAt = &t
		if t.Before(at) {
			when = t
		}
	}
	out.Expired = !signer.validAt(at) && signer.validAt(when)
	own := &Trust{}
	for _, c := range m.certificates {
		own.take(c)
	}
	answer, why := UnknownCA, ""
	for _, by := range []struct {
		name  string
		trust *Trust
	}{{VouchedByStore, store}, {VouchedByFile, given}, {VouchedByList, own}} {
		var end *certificate
		answer, why, end = by.trust.anchor(signer, m.signed.certificates, when)
		switch answer {
		case Trusted:
			info := end.info()
			out.VouchedBy, out.Authority = by.name, &info
			return out, nil
		case Revoked, Expired:
			return nil, fmt.Errorf("its signer is %s: %s", answer, why)
		}
	}
	return nil, errNoAnchor
}

// anchor is chain for a signer whose link certificates may come along with the
// signature. It also returns the end of the chain.
func (t *Trust) anchor(signer *certificate, brought []*certificate, at time.Time) (Answer, string, *certificate) {
	if t.Len() == 0 {
		return UnknownCA, "", nil
	}
	if own := t.find(signer); own != nil {
		answer, why := t.judge([]*certificate{own}, at)
		return answer, why, own
	}
	with := t.clone()
	for _, c := range brought {
		if c.from != c.to || !c.selfSigned() { // what came along may lead on, and ends nothing
			with.take(c)
		}
	}
	s := search{trust: with, tried: maxTried}
	s.from([]*certificate{signer})
	best, why, end := UnknownCA, "", (*certificate)(nil)
	for _, path := range s.paths {
		if answer, reason := with.judge(path, at); worth(answer) > worth(best) {
			best, why, end = answer, reason, path[len(path)-1]
		}
	}
	return best, why, end
}

// signingTime returns what the first signer says of when it signed.
func (s *signedData) signingTime() (time.Time, bool) {
	for _, signer := range s.signers {
		if n, ok := signer.attribute(oidSigningTime); ok {
			if t, err := asn.Time(n); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// looksSigned reports whether der is a ContentInfo of signed data.
func looksSigned(der []byte) bool {
	return bytes.Contains(der[:min(len(der), 32)], asn.OIDContent(oidSignedData))
}
