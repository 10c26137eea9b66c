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
)

// Trust is what the operator vouches for: the certificates of country signing
// authorities (CSCA), or of single document signers, and the authorities' revocation
// lists. The nil Trust and the zero Trust trust nobody. It is safe for use from
// several goroutines.
type Trust struct {
	certificates []*certificate
	lists        []*revocationList
	byKeyID      map[string][]*certificate
	byName       map[string][]*certificate
}

// Origin is how a certificate came into a trust store.
type Origin string

// Origins. One that nobody noted is of the operator's own hand.
const (
	OriginFile Origin = "file"        // the operator gave the certificate itself
	OriginList Origin = "master-list" // the signer of a master list vouches for it
)

// maxTrustFile bounds one file of a trust store.
const maxTrustFile = 16 << 20

// NewTrust makes a store of certificates and revocation lists in DER or PEM.
func NewTrust(certs ...[]byte) (*Trust, error) {
	t := &Trust{}
	for i, b := range certs {
		if err := t.add(b, ""); err != nil {
			return nil, fmt.Errorf("certificate %d of the trust store: %w", i+1, err)
		}
	}
	return t, nil
}

// trustFiles are the names of files that LoadTrust reads.
var trustFiles = []string{".cer", ".der", ".crt", ".pem", ".crl"}

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
	index, err := readTrustIndex(dir)
	if err != nil {
		return nil, fmt.Errorf("load the trust store: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !slices.Contains(trustFiles, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Size() > maxTrustFile {
			return nil, fmt.Errorf("load %q of the trust store: %w", e.Name(), ErrTooLarge)
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("load the trust store: %w", err)
		}
		if err := t.add(b, e.Name()); err != nil {
			return nil, fmt.Errorf("load %q of the trust store: %w", e.Name(), err)
		}
	}
	for _, c := range t.certificates {
		c.origin = OriginFile
		if note, ok := index[c.fingerprint()]; ok && note.Origin != "" {
			c.origin = note.Origin
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

// add takes DER or PEM, a certificate or a revocation list. file names the file of
// the store, for those who remove it.
func (t *Trust) add(b []byte, file string) error {
	blocks, err := pemBlocks(b)
	if err != nil {
		return err
	}
	for _, der := range blocks {
		if err := t.addDER(der, file); err != nil {
			return err
		}
	}
	return nil
}

// pemBlocks returns the contents of all blocks, or b itself when it is no PEM.
func pemBlocks(b []byte) ([][]byte, error) {
	if !bytes.Contains(b, []byte("-----BEGIN ")) {
		return [][]byte{b}, nil
	}
	var out [][]byte
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			break
		}
		out, b = append(out, block.Bytes), rest
	}
	if len(out) == 0 {
		return nil, errCertificate
	}
	return out, nil
}

func (t *Trust) addDER(der []byte, file string) error {
	c, err := parseCertificate(bytes.Clone(der))
	if err != nil {
		if l, listErr := parseRevocationList(bytes.Clone(der)); listErr == nil {
			l.file = file
			t.lists = append(t.lists, l)
			return nil
		}
		return err
	}
	c.file = file
	t.take(c)
	return nil
}

// take adds a certificate, once.
func (t *Trust) take(c *certificate) {
	if t.holds(c) {
		return
	}
	if t.byName == nil {
		t.byName, t.byKeyID = map[string][]*certificate{}, map[string][]*certificate{}
	}
	t.certificates = append(t.certificates, c)
	t.byName[c.to] = append(t.byName[c.to], c)
	if len(c.keyID) > 0 {
		t.byKeyID[string(c.keyID)] = append(t.byKeyID[string(c.keyID)], c)
	}
}

// find returns the store's own copy of c.
func (t *Trust) find(c *certificate) *certificate {
	for _, own := range t.byName[c.to] {
		if bytes.Equal(own.raw, c.raw) {
			return own
		}
	}
	return nil
}

func (t *Trust) holds(c *certificate) bool { return t.find(c) != nil }

// clone returns a store with the same certificates and lists, to add to.
func (t *Trust) clone() *Trust {
	out := &Trust{lists: slices.Clone(t.lists)}
	for _, c := range t.certificates {
		out.take(c)
	}
	return out
}
