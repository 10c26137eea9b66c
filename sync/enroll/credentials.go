package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"tram/sync/seal"
)

// Credentials hands the uplink the certificate to connect with: a new one that
// nobody connected with yet first, then the current, then the previous. It fits
// the uplink's interface.
type Credentials struct {
	state  string
	signer crypto.Signer
	clock  *Clock
	log    *slog.Logger

	mu    sync.Mutex
	turn  int    // counts failures since the last success: which candidate is next
	using string // the file of the last TLS
}

// NewCredentials returns the credentials of an enrolled device's state folder.
func NewCredentials(state string, signer crypto.Signer, clock *Clock, log *slog.Logger) *Credentials {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Credentials{state: state, signer: signer, clock: clock, log: log}
}

// candidate is a certificate that may be tried.
type candidate struct {
	file string
	cert *x509.Certificate
}

// candidates lists the certificates of this device's key, the first to try first.
func (c *Credentials) candidates() []candidate {
	var list []candidate
	for _, file := range []string{NewFile, CertFile, PrevFile} {
		certs, err := readCertificates(filepath.Join(c.state, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		pub, ok := c.signer.Public().(*ecdsa.PublicKey)
		if err == nil && (!ok || !pub.Equal(certs[0].PublicKey)) {
			err = fmt.Errorf("%w: it is another key's", ErrDamaged)
		}
		if err != nil {
			c.log.Warn("a certificate cannot be used", "file", file, "err", err)
			continue
		}
		if file == PrevFile && c.clock.Now().After(certs[0].NotAfter) {
			continue // it was replaced for that
		}
		list = append(list, candidate{file, certs[0]})
	}
	return list
}

// TLS returns what to make the next connection with.
func (c *Credentials) TLS() (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	authority, err := readCertificates(filepath.Join(c.state, CAFile))
	if err != nil {
		return nil, fmt.Errorf("read the hub's authority: %w", err)
	}
	list := c.candidates()
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no certificate in %s", ErrNotEnrolled, c.state)
	}
	pick := list[c.turn%len(list)]
	c.using = pick.file
	roots := x509.NewCertPool()
	roots.AddCert(authority[0])
	pair := &tls.Certificate{Certificate: [][]byte{pick.cert.Raw}, PrivateKey: c.signer, Leaf: pick.cert}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    roots,
		Time:       c.clock.Now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair, nil
		},
	}, nil
}

// Connected notes that the last TLS connected and subscribed. A new certificate
// takes the place of the current one, which is kept beside it. It says nothing
// of the time: a broker's certificate is good for years, and so it takes a
// device whose clock is months ahead.
func (c *Credentials) Connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.using != NewFile {
		return
	}
	if err := c.promote(); err != nil {
		c.log.Error("the new certificate is good and cannot be kept", "err", err)
		return
	}
	c.turn, c.using = 0, CertFile
	c.log.Info("the new certificate is in use")
}

func (c *Credentials) promote() error {
	unlock, err := lock(c.state)
	if err != nil {
		return err
	}
	defer unlock()
	fresh, err := readFile(filepath.Join(c.state, NewFile))
	if err != nil {
		return err
	}
	old, err := readFile(filepath.Join(c.state, CertFile))
	if err == nil {
		err = seal.WriteFile(filepath.Join(c.state, PrevFile), old, 0o644)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := seal.WriteFile(filepath.Join(c.state, CertFile), fresh, 0o644); err != nil {
		return err
	}
	return removeIfThere(filepath.Join(c.state, NewFile))
}

// Failed notes that the last TLS did not connect: the next one tries another
// certificate, when there is one.
func (c *Credentials) Failed(error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
}

// renewed makes the next TLS begin with the new certificate.
func (c *Credentials) renewed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn = 0
}

// newest returns the certificate that ends last, or nil.
func (c *Credentials) newest() *x509.Certificate {
	var best *x509.Certificate
	for _, k := range c.candidates() {
		if k.file != PrevFile && (best == nil || k.cert.NotAfter.After(best.NotAfter)) {
			best = k.cert
		}
	}
	return best
}

// Until returns the end of the newest certificate, zero when there is none.
func (c *Credentials) Until() time.Time {
	if cert := c.newest(); cert != nil {
		return cert.NotAfter
	}
	return time.Time{}
}
