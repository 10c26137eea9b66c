package emrtd

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"tram/drivers/emrtd/asn"
)

// NotCovered is the answer for a data group whose hash the SOD does not hold.
const NotCovered Answer = "not_covered"

// Names of the questions in Verification.Detail.
const (
	questionHashes = "hashes"
	questionSOD    = "sodSignature"
	questionChain  = "chain"
	questionCA     = "chipAuthentication"
	questionAA     = "activeAuthentication"
)

// Verify does Passive Authentication of the files (Doc 9303-11 §5) and says what
// the chip could prove beyond it. It answers each question by itself:
//
//   - hashes: every data group in files has the hash that the SOD holds of it. A
//     group that the SOD does not cover fails: nobody vouches for it. Groups says so
//     group by group.
//   - sodSignature: the SOD was signed by the signer whose certificate it brings.
//   - chain: at that time, the trust store vouches for the signer.
//   - chip and active authentication: not_supported when DG14 or DG15 bring no key,
//     else not_done: files alone cannot prove anything about a chip.
func Verify(files Files, trust *Trust, at time.Time) Verification {
	v := Verification{Hashes: NotDone, SODSignature: NotDone, Chain: NotDone, Detail: map[string]string{}, Groups: map[string]Answer{}}
	v.chipQuestions(files)
	sod, err := parseSOD(files[EFSOD])
	switch {
	case len(files[EFSOD]) == 0:
		for _, q := range []string{questionHashes, questionSOD, questionChain} {
			v.Detail[q] = "the chip gave no SOD"
		}
		return v
	case err != nil:
		v.Hashes, v.SODSignature = Failed, Failed
		v.Detail[questionHashes] = "the SOD cannot be read"
		v.Detail[questionSOD] = err.Error()
		v.Detail[questionChain] = "the SOD cannot be read"
		return v
	}
	v.hashes(files, sod.object)
	signer, err := sod.verify(trust)
	if err != nil {
		v.SODSignature = Failed
		v.Detail[questionSOD] = err.Error()
		v.Detail[questionChain] = "no signer whose signature fits"
		return v
	}
	v.SODSignature, v.SignerCountry = OK, signer.country()
	if slices.Contains(signer.purposes, oidMasterListSigner) {
		v.Chain, v.Detail[questionChain] = Failed, "the signer's certificate is for master lists, not for documents"
		return v
	}
	v.Chain, v.Detail[questionChain] = trust.chain(signer, at)
	return v
}

func (v *Verification) hashes(files Files, object ldsObject) {
	var wrong, uncovered, right []string
	for _, id := range files.IDs() {
		group := id.Group()
		if group == 0 {
			continue
		}
		want, ok := object.of(group)
		switch {
		case !ok:
			uncovered, v.Groups[id.String()] = append(uncovered, id.String()), NotCovered
		case subtle.ConstantTimeCompare(want, object.hash.sum(files[id])) != 1:
			wrong, v.Groups[id.String()] = append(wrong, id.String()), Failed
		default:
			right, v.Groups[id.String()] = append(right, id.String()), OK
		}
	}
	var why []string
	if len(wrong) > 0 {
		why = append(why, "changed: "+strings.Join(wrong, ", "))
	}
	if len(uncovered) > 0 {
		why = append(why, "not covered by the SOD: "+strings.Join(uncovered, ", "))
	}
	if len(right) > 0 {
		why = append(why, fmt.Sprintf("%v matches: %s", object.hash, strings.Join(right, ", ")))
	}
	switch {
	case len(wrong)+len(uncovered) > 0:
		v.Hashes = Failed
	case len(right) > 0:
		v.Hashes = OK
	default:
		why = []string{"no data group was read"}
	}
	v.Detail[questionHashes] = strings.Join(why, "; ")
}

// verify checks the signature and returns the signer's certificate: one that the
// SOD brings or, where it brings none that fits, one of the trust store.
func (s *signedData) verify(trust *Trust) (*certificate, error) {
	var last error
	for _, signer := range s.signers {
		if err := signer.attributesFit(s.contentType, s.content); err != nil {
			last = err
			continue
		}
		for _, c := range signer.candidates(s.certificates, trust) {
			for _, message := range signer.signedBytes(s.content) {
				if last = c.check(signer.algorithm, signer.digest, message, signer.signature); last == nil {
					return c, nil
				}
			}
		}
	}
	if last == nil {
		last = fmt.Errorf("%w: the signer's certificate is missing", errSOD)
	}
	return nil, last
}

// attributesFit checks the signed attributes against the content (RFC 5652 §5.3).
// Where there are none, the signature is over the content itself.
func (s signerInfo) attributesFit(contentType string, content []byte) error {
	if s.rawAttributes == nil {
		return nil
	}
	kind, ok := s.attribute(oidAttrContentType)
	if !ok || kind.Tag != asn.OID || asn.OIDString(kind.Value) != contentType {
		return fmt.Errorf("%w: the signed content type is another", errSignature)
	}
	digest, ok := s.attribute(oidAttrMessageDigest)
	if !ok || digest.Tag != asn.OctetString || subtle.ConstantTimeCompare(digest.Value, s.digest.sum(content)) != 1 {
		return fmt.Errorf("%w: the signed digest is not the content's", errSignature)
	}
	return nil
}

// candidates returns the certificates that may be the signer's: those that it
// names, else all that came with it, for issuers that name themselves wrongly. Only
// the signature decides.
func (s signerInfo) candidates(brought []*certificate, trust *Trust) []*certificate {
	var named []*certificate
	all := brought
	if len(brought) == 0 && trust != nil {
		all = trust.certificates
	}
	for _, c := range all {
		bySerial := s.issuer != nil && canonicalSerial(c.serial) == canonicalSerial(s.serial) && sameName(c.issuer, s.issuer)
		if bySerial || (s.keyID != nil && bytes.Equal(c.keyID, s.keyID)) {
			named = append(named, c)
		}
	}
	if len(named) > 0 || len(brought) == 0 {
		return named
	}
	return brought
}
