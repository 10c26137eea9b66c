package ca

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/seal"
)

// deviceFile is what the authority knows of one device: DIR/devices/NAME.json.
type deviceFile struct {
	Site    string     `json:"site"`
	Key     string     `json:"key"` // the signing key's thumbprint
	Issued  []issued   `json:"issued"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Gone    []issued   `json:"gone,omitempty"` // revoked certificates
}

// issued is one certificate.
type issued struct {
	Serial string    `json:"serial"` // hexadecimal
	Until  time.Time `json:"until"`
	Gone   time.Time `json:"gone,omitzero"`
}

func (f *deviceFile) revoked(serial *big.Int) bool {
	for _, g := range f.Gone {
		if g.Serial == serial.Text(16) {
			return true
		}
	}
	return false
}

// lock keeps other processes and goroutines out of the folder until unlock.
func (a *Authority) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the authority: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the authority: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

func (a *Authority) devicePath(device string) string {
	return filepath.Join(a.dir, "devices", device+".json")
}

// readDevice reads what is known of a device; nothing is no error.
func (a *Authority) readDevice(device string) (deviceFile, error) {
	var f deviceFile
	err := readJSON(a.devicePath(device), &f)
	if errors.Is(err, fs.ErrNotExist) {
		return deviceFile{}, nil
	}
	return f, err
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAuthority, path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return seal.WriteFile(path, append(b, '\n'), 0o600)
}

// note adds a certificate to what is known, and forgets those that ended.
func (a *Authority) note(device, site, key string, cert *x509.Certificate) error {
	f, err := a.readDevice(device)
	if err != nil {
		return err
	}
	now := a.now()
	kept := f.Issued[:0]
	for _, i := range f.Issued {
		if i.Until.After(now) {
			kept = append(kept, i)
		}
	}
	f.Issued = append(kept, issued{Serial: cert.SerialNumber.Text(16), Until: cert.NotAfter})
	f.Site, f.Key, f.Revoked = site, key, nil
	return writeJSON(a.devicePath(device), f)
}

// Revoke ends every certificate of a device and refuses its renewals. A fresh
// code takes the same device back, with the same key.
func (a *Authority) Revoke(device string) error {
	if err := checkDevice(device); err != nil {
		return err
	}
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	f, err := a.readDevice(device)
	if err != nil {
		return err
	}
	now := a.now().UTC().Truncate(time.Second)
	for _, i := range f.Issued {
		i.Gone = now
		f.Gone = append(f.Gone, i)
	}
	f.Issued, f.Revoked = nil, &now
	if err := writeJSON(a.devicePath(device), f); err != nil {
		return err
	}
	return a.writeCRL()
}

// writeCRL writes the list of revoked certificates. It names no early date for
// its next issue: a broker would refuse every device on that day.
func (a *Authority) writeCRL() error {
	files, err := filepath.Glob(filepath.Join(a.dir, "devices", "*.json"))
	if err != nil {
		return err
	}
	now := a.now()
	list := &x509.RevocationList{Number: big.NewInt(now.UnixNano()), ThisUpdate: now.Add(-backdated), NextUpdate: a.device.cert.NotAfter}
	for _, path := range files {
		var f deviceFile
		if err := readJSON(path, &f); err != nil {
			return err
		}
		for _, g := range f.Gone {
			n, ok := new(big.Int).SetString(g.Serial, 16)
			if !ok || g.Until.Before(now) {
				continue
			}
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: g.Gone})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.device.cert, a.device.key)
	if err != nil {
		return fmt.Errorf("sign the list of revoked devices: %w", err)
	}
	return seal.WriteFile(filepath.Join(a.dir, CRLFile), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), 0o644)
}

// CopyCRL writes the list of revoked devices where a broker reads it.
func (a *Authority) CopyCRL(path string) error {
	b, err := os.ReadFile(filepath.Join(a.dir, CRLFile))
	if err != nil {
		return fmt.Errorf("read the list of revoked devices: %w", err)
	}
	return seal.WriteFile(path, b, 0o644)
}
