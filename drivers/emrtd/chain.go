package emrtd

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// maxPath bounds the certificates of one chain: a signer, link certificates, and
// the authority at its end.
const maxPath = 8

// maxTried bounds the signatures that one question about a chain costs.
const maxTried = 64

// chain answers whether the store vouches for signer at that time, and why.
//
// A chain ends at a certificate that the operator holds for trusted: an authority
// that signed itself, or a document signer that the operator gave by itself. Link
// certificates, by which an authority vouches for its own next key or name (Doc 9303-12
// §4.2), lead there and count for nothing alone. Of several chains the best
// counts; but a signer that a list revokes is revoked by every chain.
func (t *Trust) chain(signer *certificate, at time.Time) (Answer, string) {
	if t == nil || len(t.certificates) == 0 {
		return UnknownCA, "the trust store is empty"
	}
	if own := t.find(signer); own != nil && own.origin != OriginList {
		answer, why := t.judge([]*certificate{signer}, at)
		if answer == Trusted {
			why = "the signer's certificate is in the trust store"
		}
		return answer, why
	}
	s := search{trust: t, tried: maxTried}
	s.from([]*certificate{signer})
	answer, why := UnknownCA, "no certificate in the trust store issued the signer's"
	switch {
	case len(s.paths) == 0 && s.forged:
		// Authorities keep their name from key to key, so that another key of the same
		// name proves nothing; the key that the signer names does.
		return Failed, "the issuer named by the signer's certificate did not sign it"
	case len(s.paths) == 0 && s.dangling:
		return UnknownCA, "the signer's authority has a link certificate in the trust store, and the authority that made that is missing"
	}
	for _, path := range s.paths {
		got, reason := t.judge(path, at)
		if worth(got) > worth(answer) {
			answer, why = got, reason
		}
	}
	return answer, why
}

// worth orders the answers of several chains.
func worth(a Answer) int {
	return slices.Index([]Answer{UnknownCA, Expired, Revoked, Trusted}, a)
}

// search looks for chains.
type search struct {
	trust    *Trust
	tried    int
	paths    [][]*certificate
	forged   bool // the signer names a key of the store that did not sign it
	dangling bool // a chain ended at a link certificate
}

// from extends a path, whose last certificate is verified by those before it.
func (s *search) from(path []*certificate) {
	last := path[len(path)-1]
	if len(path) == maxPath {
		return
	}
	found := false
	for _, c := range s.trust.issuers(last) {
		if !c.mayIssue() || slices.Contains(path, c) {
			continue
		}
		if s.tried--; s.tried < 0 {
			return
		}
		if last.signedBy(c) != nil {
			s.forged = s.forged || len(path) == 1 && len(last.issuerID) > 0 && bytes.Equal(last.issuerID, c.keyID)
			continue
		}
		found = true
		next := append(slices.Clone(path), c)
		if c.selfSigned() || c.origin == OriginList && c.from == c.to {
			s.paths = append(s.paths, next)
			continue
		}
		s.from(next)
	}
	s.dangling = s.dangling || !found && len(path) > 1
}

// issuers returns the certificates that may have issued c: those with the key that
// it names, then those with the name.
func (t *Trust) issuers(c *certificate) []*certificate {
	var out []*certificate
	if len(c.issuerID) > 0 {
		out = slices.Clone(t.byKeyID[string(c.issuerID)])
	}
	for _, n := range t.byName[c.from] {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// judge answers for a path whose signatures fit.
func (t *Trust) judge(path []*certificate, at time.Time) (Answer, string) {
	for i, c := range path {
		if t.revoked(c) {
			return Revoked, role(path, i) + " is on its authority's revocation list"
		}
	}
	for i, c := range path {
		if !c.validAt(at) {
			return Expired, outside(role(path, i), c, at)
		}
	}
	why := "issued by an authority of the trust store" + inCountry(path[len(path)-1])
	if links := len(path) - 2; links == 1 {
		why += ", through a link certificate"
	} else if links > 1 {
		why += fmt.Sprintf(", through %d link certificates", links)
	}
	return Trusted, why
}

func role(path []*certificate, i int) string {
	switch {
	case i == 0:
		return "the signer's certificate"
	case i == len(path)-1:
		return "the authority's certificate"
	}
	return "a link certificate of the authority"
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
