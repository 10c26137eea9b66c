package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// Files in an authority's folder.
const (
	HubFile    = "hub-ca.crt"    // the authority of servers and hubs, for devices and brokers
	DeviceFile = "device-ca.crt" // the authority of devices, for brokers
	CRLFile    = "devices.crl"   // revoked devices, for brokers
)

// Lives of certificates that have no setting.
const (
	authorityLife = 30 * 365 * 24 * time.Hour
	serverLife    = 5 * 365 * 24 * time.Hour
	backdated     = 24 * time.Hour // a clock that is a little behind still takes a new certificate
)

// DefaultLife is how long a device's certificate is good when nothing else is said.
const DefaultLife = 90 * 24 * time.Hour

// Errors that callers tell apart.
var (
	ErrAuthority = errors.New("the hub's certificate authority is not usable")
	ErrLife      = errors.New("a device's certificate lives 1 minute to 10 years")
)

// Options says how an Authority works. The zero value is good.
type Options struct {
	DeviceLife time.Duration    // of a device's certificate; DefaultLife
	Now        func() time.Time // time.Now

	Uptime func() time.Duration // for tests; the time since the machine's start
}

// Authority issues certificates and codes. It may be used by several
// goroutines and several processes at once.
type Authority struct {
	dir         string
	life        time.Duration
	now         func() time.Time
	uptime      func() time.Duration
	hub, device pair
}

// pair is a certificate and its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Folder returns where a hub's data folder has its authority.
func Folder(data string) string { return filepath.Join(data, "ca") }

// Open reads the authority in a folder, or makes it there on first use.
func Open(dir string, o Options) (*Authority, error) {
	a := &Authority{dir: dir, life: o.DeviceLife, now: o.Now, uptime: o.Uptime}
	if a.life == 0 {
		a.life = DefaultLife
	}
	if a.life < time.Minute || a.life > 10*365*24*time.Hour {
		return nil, fmt.Errorf("%w: not %v", ErrLife, a.life)
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.uptime == nil {
		a.uptime = uptime
	}
	for _, folder := range []string{dir, filepath.Join(dir, "codes"), filepath.Join(dir, "devices")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make the authority's folder: %w", err)
		}
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if a.hub, err = a.root(HubFile, "Tram hub authority"); err != nil {
		return nil, err
	}
	if a.device, err = a.root(DeviceFile, "Tram device authority"); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, CRLFile)); errors.Is(err, fs.ErrNotExist) {
		return a, a.writeCRL()
	}
	return a, nil
}

// root reads an authority or makes it. The key is written first: a certificate
// is a promise that its key is there.
func (a *Authority) root(file, name string) (pair, error) {
	keyFile := filepath.Join(a.dir, file[:len(file)-len(".crt")]+".key")
	path := filepath.Join(a.dir, file)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return readPair(path, keyFile)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("make an authority: %w", err)
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, SerialNumber: rand.Text()[:8]},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	p, err := sign(template, &key.PublicKey, pair{template, key})
	if err != nil {
		return pair{}, err
	}
	return pair{p, key}, writePair(path, keyFile, key, p)
}

// sign issues a certificate; an authority signs itself by passing its template.
func sign(template *x509.Certificate, pub *ecdsa.PublicKey, by pair) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, pub, by.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func readPair(certFile, keyFile string) (pair, error) {
	cert, err := readCertificate(certFile)
	if err != nil {
		return pair{}, err
	}
	b, err := os.ReadFile(keyFile)
	if err != nil {
		return pair{}, fmt.Errorf("%w: %w", ErrAuthority, err)
	}
	info, err := os.Stat(keyFile)
	if err != nil {
		return pair{}, fmt.Errorf("%w: %w", ErrAuthority, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return pair{}, fmt.Errorf("%w: %s: mode %#o lets others read it, want 0600", ErrAuthority, keyFile, info.Mode().Perm())
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return pair{}, fmt.Errorf("%w: %s is not PEM", ErrAuthority, keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return pair{}, fmt.Errorf("%w: %s is not the key of %s", ErrAuthority, keyFile, certFile)
	}
	return pair{cert, key}, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuthority, err)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%w: %s is not a certificate in PEM", ErrAuthority, path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAuthority, path, err)
	}
	return cert, nil
}

// writePair writes the key, mode 0600, then the certificates.
func writePair(certFile, keyFile string, key *ecdsa.PrivateKey, certs ...*x509.Certificate) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	if err := seal.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return seal.WriteFile(certFile, encode(certs...), 0o644)
}

// encode returns certificates as PEM.
func encode(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// HubPEM returns the authority that devices and brokers trust for servers and hubs.
func (a *Authority) HubPEM() []byte { return encode(a.hub.cert) }

// DevicePEM returns the authority that a broker's listener for devices trusts.
func (a *Authority) DevicePEM() []byte { return encode(a.device.cert) }

// Fingerprint returns the SHA-256 of the hub authority's public key, hexadecimal.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.hub.cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

func (a *Authority) codeCA() [16]byte { return wire.CAOf(a.hub.cert.RawSubjectPublicKeyInfo) }
