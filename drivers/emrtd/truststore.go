package emrtd

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Errors of a trust store.
var (
	ErrNotInStore = errors.New("not in the trust store")
	ErrAmbiguous  = errors.New("several begin so")
)

// TrustStore is the folder that LoadTrust reads, for those who change it. Its files
// are named by their SHA-256; an index beside them notes where each came from.
type TrustStore struct{ dir string }

// OpenTrustStore returns the store in dir, which need not be there yet.
func OpenTrustStore(dir string) *TrustStore { return &TrustStore{dir: dir} }

// trustIndex is the file with the notes about certificates, by fingerprint. A
// certificate without a note is one that the operator put there by hand.
const trustIndex = "index.json"

type trustNote struct {
	Origin Origin `json:"origin"`
	Signer string `json:"signer,omitempty"`
}

func readTrustIndex(dir string) (map[string]trustNote, error) {
	b, err := os.ReadFile(filepath.Join(dir, trustIndex))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]trustNote{}, nil
	}
	if err != nil {
		return nil, err
	}
	var in struct {
		Certificates map[string]trustNote `json:"certificates"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", trustIndex, err)
	}
	if in.Certificates == nil {
		in.Certificates = map[string]trustNote{}
	}
	return in.Certificates, nil
}

// List returns the certificates, by country, and the revocation lists of the store.
func (s *TrustStore) List() ([]CertificateInfo, []RevocationInfo, error) {
	t, err := LoadTrust(s.dir)
	if err != nil {
		return nil, nil, err
	}
	index, err := readTrustIndex(s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("load the trust store: %w", err)
	}
	certs, lists := []CertificateInfo{}, []RevocationInfo{}
	for _, c := range t.certificates {
		info := c.info()
		info.Signer = index[info.ID].Signer
		certs = append(certs, info)
	}
	for _, l := range t.lists {
		info := l.info()
		if signer := t.signerOf(l); signer != nil {
			info.Signer = signer.fingerprint()
		}
		lists = append(lists, info)
	}
	slices.SortFunc(certs, func(a, b CertificateInfo) int {
		return strings.Compare(a.Country+"\x00"+a.Subject+a.ID, b.Country+"\x00"+b.Subject+b.ID)
	})
	slices.SortFunc(lists, func(a, b RevocationInfo) int { return strings.Compare(a.Country+a.ID, b.Country+b.ID) })
	return certs, lists, nil
}

// Remove takes the certificate or revocation list out of the store whose id begins
// with prefix (four characters at least).
func (s *TrustStore) Remove(prefix string) (id string, err error) {
	unlock, err := s.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	certs, lists, err := s.List()
	if err != nil {
		return "", err
	}
	prefix = strings.ToLower(strings.ReplaceAll(prefix, ":", ""))
	found := map[string][]byte{}
	var file string
	take := func(one, of string) {
		if len(prefix) >= 4 && strings.HasPrefix(one, prefix) {
			found[one], id, file = nil, one, of
		}
	}
	for _, c := range certs {
		take(c.ID, c.File)
	}
	for _, l := range lists {
		take(l.ID, l.File)
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("remove %q: %w", prefix, ErrNotInStore)
	case len(found) > 1:
		return "", fmt.Errorf("remove %q: %w: %d", prefix, ErrAmbiguous, len(found))
	}
	if err := s.removeFrom(file, id); err != nil {
		return "", fmt.Errorf("remove %s from the trust store: %w", id, err)
	}
	index, err := readTrustIndex(s.dir)
	if err != nil {
		return "", fmt.Errorf("remove %s from the trust store: %w", id, err)
	}
	if _, noted := index[id]; noted {
		delete(index, id)
		if err := s.write(nil, index); err != nil {
			return "", fmt.Errorf("remove %s from the trust store: %w", id, err)
		}
	}
	return id, nil
}

// removeFrom removes a file of the store, or, of a file with several, the one.
func (s *TrustStore) removeFrom(name, id string) error {
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	blocks, err := pemBlocks(b)
	if err != nil {
		return err
	}
	var rest bytes.Buffer
	for _, der := range blocks {
		kind := "CERTIFICATE"
		var is string
		if c, err := parseCertificate(der); err == nil {
			is = c.fingerprint()
		} else if l, err := parseRevocationList(der); err == nil {
			kind, is = "X509 CRL", l.fingerprint()
		}
		if is != id {
			if err := pem.Encode(&rest, &pem.Block{Type: kind, Bytes: der}); err != nil {
				return err
			}
		}
	}
	if rest.Len() > 0 {
		return s.write(map[string][]byte{name: rest.Bytes()}, nil)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

// lock keeps other processes from changing the store meanwhile.
func (s *TrustStore) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the trust store: %w", err)
	}
	f, err := os.Open(s.dir)
	if err != nil {
		return nil, fmt.Errorf("open the trust store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the trust store: %w", err)
	}
	return func() { _ = f.Close() }, nil // closing gives the lock back
}

// write puts files into the store, each whole or not at all, and then the index
// (nil: unchanged). All are on the disk when it returns.
func (s *TrustStore) write(files map[string][]byte, index map[string]trustNote) error {
	work, err := os.MkdirTemp(s.dir, ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if index != nil {
		b, err := json.MarshalIndent(map[string]any{"certificates": index}, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, trustIndex), append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(work, name), b, 0o644); err != nil {
			return err
		}
	}
	// One call for the hundreds of files of a master list.
	if err := onDisk(work); err != nil {
		return err
	}
	// The index goes first: a certificate without its note would count as the operator's own.
	if index != nil {
		if err := os.Rename(filepath.Join(work, trustIndex), filepath.Join(s.dir, trustIndex)); err != nil {
			return err
		}
	}
	for name := range files {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	return syncFolder(s.dir)
}

func onDisk(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
