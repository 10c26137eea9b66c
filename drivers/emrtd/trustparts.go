package emrtd

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
)

// trustParts is what one file holds.
type trustParts struct {
	ldif         bool
	certificates []*certificate
	lists        []*masterList
	revocations  []*revocationList
	unreadable   map[string]int // entries of an LDIF, by reason
}

func (p *trustParts) kind() string {
	kinds := map[string]bool{"certificate": len(p.certificates) > 0, "master-list": len(p.lists) > 0, "revocation-list": len(p.revocations) > 0}
	maps.DeleteFunc(kinds, func(_ string, there bool) bool { return !there })
	switch {
	case p.ldif:
		return "ldif"
	case len(kinds) > 1:
		return "mixed"
	}
	for k := range kinds {
		return k
	}
	return ""
}

// takeApart finds out what a file is.
func takeApart(b []byte) (*trustParts, error) {
	p := &trustParts{unreadable: map[string]int{}}
	if looksLDIF(b) {
		p.ldif = true
		p.fromLDIF(b)
		if len(p.certificates)+len(p.lists)+len(p.revocations) == 0 {
			return nil, ErrNotTrustFile
		}
		return p, nil
	}
	blocks, err := pemBlocks(b)
	if err != nil {
		return nil, ErrNotTrustFile
	}
	if len(blocks) == 1 && !bytes.HasPrefix(blocks[0], []byte{0x30}) { // DER in plain base64
		if der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), "")); err == nil {
			blocks[0] = der
		}
	}
	for _, der := range blocks {
		if err := p.take(bytes.Clone(der)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// take adds one object in DER.
func (p *trustParts) take(der []byte) error {
	if looksSigned(der) {
		m, err := parseMasterList(der)
		if err == nil {
			p.lists = append(p.lists, m)
		}
		return err
	}
	c, err := parseCertificate(der)
	if err == nil {
		p.certificates = append(p.certificates, c)
		return nil
	}
	l, listErr := parseRevocationList(der)
	if listErr == nil {
		p.revocations = append(p.revocations, l)
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotTrustFile, err)
}

func looksLDIF(b []byte) bool {
	head := b[:min(len(b), 4096)]
	return bytes.HasPrefix(head, []byte("dn:")) || bytes.HasPrefix(head, []byte("version:")) || bytes.Contains(head, []byte("\ndn:"))
}

// fromLDIF takes every value in base64 that is one of ours (RFC 2849).
func (p *trustParts) fromLDIF(b []byte) {
	var value strings.Builder
	flush := func() {
		_, encoded, ok := strings.Cut(value.String(), "::")
		value.Reset()
		if !ok {
			return
		}
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || len(der) < 64 || der[0] != 0x30 {
			return // a picture, a name with accents
		}
		if err := p.take(der); err != nil {
			p.unreadable[err.Error()]++
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, maxTrustFile)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if strings.HasPrefix(line, " ") {
			value.WriteString(line[1:])
			continue
		}
		flush()
		value.WriteString(line)
	}
	flush()
}
