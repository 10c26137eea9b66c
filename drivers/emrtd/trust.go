package emrtd

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// Trust is the operator's store: the certificates of country signing authorities
// (CSCA), or of single document signers, that the operator vouches for, and their
// revocation lists. The nil Trust and the zero Trust trust nobody.
type Trust struct {
	certificates []*certificate
	lists        []*revocationList
}

// maxTrustFile bounds one file of a trust store.
const maxTrustFile = 16 << 20

// NewTrust makes a store of certificates in DER or PEM.
func NewTrust(certs ...[]byte) (*Trust, error) {
	t := &Trust{}
	for i, b := range certs {
		if err := t.add(b); err != nil {
			return nil, fmt.Errorf("certificate %d of the trust store: %w", i+1, err)
		}
	}
	return t, nil
}

// LoadTrust reads every certificate (*.cer, *.der, *.crt, *.pem) and revocation list
// (*.crl) in dir. A folder that is not there is an empty store.
func LoadTrust(dir string) (*Trust, error) {
	t := &Trust{}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the trust store: %w", err)
	}
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.IsDir() || !slices.Contains([]string{".cer", ".der", ".crt", ".pem", ".crl"}, ext) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Size() > maxTrustFile {
			return nil, fmt.Errorf("load %q of the trust store: %w", e.Name(), ErrTooLarge)
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("load the trust store: %w", err)
		}
		if err := t.add(b); err != nil {
			return nil, fmt.Errorf("load %q of the trust store: %w", e.Name(), err)
		}
	}
	return t, nil
}

// Len returns the number of certificates.
func (t *Trust) Len() int {
	if t == nil {
		return 0
	}
	return len(t.certificates)
}

// add takes DER or PEM, a certificate or a revocation list.
func (t *Trust) add(b []byte) error {
	if !bytes.Contains(b, []byte("-----BEGIN ")) {
		return t.addDER(b)
	}
	found := false
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			break
		}
		if err := t.addDER(block.Bytes); err != nil {
			return err
		}
		b, found = rest, true
	}
	if !found {
		return errCertificate
	}
	return nil
}

func (t *Trust) addDER(der []byte) error {
	c, err := parseCertificate(bytes.Clone(der))
	if err != nil {
		if l, listErr := parseRevocationList(bytes.Clone(der)); listErr == nil {
			t.lists = append(t.lists, l)
			return nil
		}
		return err
	}
	t.certificates = append(t.certificates, c)
	return nil
}

// chain answers whether the store vouches for signer at that time, and why.
func (t *Trust) chain(signer *certificate, at time.Time) (Answer, string) {
	if t == nil || len(t.certificates) == 0 {
		return UnknownCA, "the trust store is empty"
	}
	answer, why := UnknownCA, "no certificate in the trust store issued the signer's"
	for _, c := range t.certificates {
		if bytes.Equal(c.raw, signer.raw) {
			if !signer.validAt(at) {
				return Expired, outside("the signer's certificate", signer, at)
			}
			return Trusted, "the signer's certificate is in the trust store"
		}
	}
	for _, c := range t.certificates {
		byID := len(signer.issuerID) > 0 && bytes.Equal(signer.issuerID, c.keyID)
		if !c.mayIssue() || (!byID && !sameName(signer.issuer, c.subject)) {
			continue
		}
		if err := signer.signedBy(c); err != nil {
			// Authorities keep their name from key to key, so that another key of the same
			// name proves nothing; the key that the signer names does.
			if byID {
				answer, why = Failed, "the issuer named by the signer's certificate did not sign it"
			}
			continue
		}
		return t.judge(signer, c, at)
	}
	return answer, why
}

// judge answers for a signer that issuer, in the store, did sign.
func (t *Trust) judge(signer, issuer *certificate, at time.Time) (Answer, string) {
	switch {
	case t.revoked(signer, issuer):
		return Revoked, "the signer's certificate is on its authority's revocation list"
	case t.revoked(issuer, issuer):
		return Revoked, "the authority's certificate is on its own revocation list"
	case !signer.validAt(at):
		return Expired, outside("the signer's certificate", signer, at)
	case !issuer.validAt(at):
		return Expired, outside("the authority's certificate", issuer, at)
	}
	return Trusted, "issued by an authority of the trust store" + inCountry(issuer)
}

func inCountry(c *certificate) string {
	if s := c.country(); len(s) == 2 || len(s) == 3 {
		return fmt.Sprintf(" (%q)", s)
	}
	return ""
}

func outside(what string, c *certificate, at time.Time) string {
	if at.Before(c.notBefore) {
		return fmt.Sprintf("%s is valid only from %s", what, c.notBefore.Format(time.DateOnly))
	}
	return fmt.Sprintf("%s expired on %s", what, c.notAfter.Format(time.DateOnly))
}

// revocationList is a certificate revocation list (RFC 5280 §5).
type revocationList struct {
	tbs       []byte
	issuer    []byte
	serials   map[string]bool
	algorithm tlv.Node
	signature []byte
}

var errRevocationList = errors.New("not a revocation list")

func parseRevocationList(der []byte) (*revocationList, error) {
	outer, _, err := tlv.Next(der)
	if err != nil || outer.Tag != asn.Sequence {
		return nil, errors.Join(errRevocationList, err)
	}
	parts, err := asn.Elements(outer.Value)
	if err != nil || len(parts) != 3 || parts[0].Tag != asn.Sequence {
		return nil, errors.Join(errRevocationList, err)
	}
	l := &revocationList{tbs: parts[0].Raw, algorithm: parts[1], serials: map[string]bool{}}
	if l.signature, err = asn.Bits(parts[2]); err != nil {
		return nil, errors.Join(errRevocationList, err)
	}
	fields, err := asn.Elements(parts[0].Value)
	if err != nil {
		return nil, errors.Join(errRevocationList, err)
	}
	if len(fields) > 0 && fields[0].Tag == asn.Integer {
		fields = fields[1:]
	}
	if len(fields) < 3 || fields[0].Tag != asn.Sequence || fields[1].Tag != asn.Sequence {
		return nil, errRevocationList
	}
	if _, err := asn.Time(fields[2]); err != nil {
		return nil, errors.Join(errRevocationList, err)
	}
	l.issuer = fields[1].Raw
	for _, f := range fields[3:] {
		if f.Tag != asn.Sequence {
			continue
		}
		entries, err := asn.Elements(f.Value)
		if err != nil {
			return nil, errors.Join(errRevocationList, err)
		}
		for _, e := range entries {
			if kv, err := asn.Elements(e.Value); err == nil && len(kv) > 0 && kv[0].Tag == asn.Integer {
				l.serials[canonicalSerial(kv[0].Value)] = true
			}
		}
	}
	return l, nil
}

func canonicalSerial(b []byte) string { return string(bytes.TrimLeft(b, "\x00")) }

// revoked reports whether a list that issuer signed names c. A list whose
// signature does not fit says nothing; one that is old still does.
func (t *Trust) revoked(c, issuer *certificate) bool {
	for _, l := range t.lists {
		if !sameName(l.issuer, issuer.subject) || !l.serials[canonicalSerial(c.serial)] || !sameName(c.issuer, issuer.subject) {
			continue
		}
		if issuer.check(l.algorithm, hashAlgorithm{}, l.tbs, l.signature) == nil {
			return true
		}
	}
	return false
}
