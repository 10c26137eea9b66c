package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// HubName is the common name of a hub's own client certificate, the user of the
// broker's access list. No device may be called so, or begin so.
const HubName = "tram-hub"

// Errors of issuing.
var (
	ErrCSR      = errors.New("not a usable certificate request")
	ErrReserved = errors.New("names that begin with tram-hub are the hub's own")
	ErrHosts    = errors.New("a server's certificate wants at least one host name or address")
)

// checkDevice holds a device's name against what it must be.
func checkDevice(device string) error {
	if err := wire.CheckName(device); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	if strings.HasPrefix(strings.ToLower(device), HubName) {
		return fmt.Errorf("device %s: %w", device, ErrReserved)
	}
	return nil
}

// parseCSR reads a PKCS #10 request in PEM and checks that its own key signed
// it. Only its key is used: names are the hub's to give.
func parseCSR(text string) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, fmt.Errorf("%w: not one PEM block", ErrCSR)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: not PKCS #10", ErrCSR)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: its own key did not sign it", ErrCSR)
	}
	pub, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: its key is not on P-256", ErrCSR)
	}
	return pub, nil
}

// issueDevice signs a device's certificate. The caller holds the lock.
func (a *Authority) issueDevice(device, site string, pub *ecdsa.PublicKey) (*x509.Certificate, error) {
	urn, err := url.Parse(wire.Source(device))
	if err != nil {
		return nil, fmt.Errorf("issue a certificate to %s: %w", device, err)
	}
	now := a.now()
	// Backdated, but never by more than its life: a short one must not look old.
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: device, OrganizationalUnit: []string{site}},
		NotBefore:    now.Add(-min(backdated, a.life/10)), NotAfter: now.Add(a.life),
		URIs:                  []*url.URL{urn},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	return sign(template, pub, a.device)
}

// DeviceOf returns the device that a certificate of the device authority names.
func DeviceOf(cert *x509.Certificate) (string, error) {
	name := cert.Subject.CommonName
	if err := checkDevice(name); err != nil {
		return "", err
	}
	if len(cert.URIs) != 1 || cert.URIs[0].String() != wire.Source(name) {
		return "", fmt.Errorf("certificate of %s: its URI names another device", name)
	}
	return name, nil
}

// server issues a server's certificate with a new key.
func (a *Authority) server(name string, hosts []string) (pair, error) {
	if len(hosts) == 0 {
		return pair{}, ErrHosts
	}
	template := a.leaf(name, x509.ExtKeyUsageServerAuth)
	if err := nameHosts(template, hosts); err != nil {
		return pair{}, err
	}
	return a.issue(template)
}

// nameHosts puts host names and addresses into a certificate.
func nameHosts(template *x509.Certificate, hosts []string) error {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host == "" || strings.ContainsAny(host, " /:\\") {
			return fmt.Errorf("%w: not %q", ErrHosts, host)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return nil
}

func (a *Authority) leaf(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	now := a.now()
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, BasicConstraintsValid: true,
	}
}

func (a *Authority) issue(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("make a key: %w", err)
	}
	cert, err := sign(template, &key.PublicKey, a.hub)
	return pair{cert, key}, err
}

// BrokerFiles are what WriteBroker writes: what Mosquitto's configuration in
// configs/mosquitto names.
var BrokerFiles = []string{"broker.crt", "broker.key", HubFile, DeviceFile, CRLFile}

// WriteBroker writes into a folder what a broker for these hosts needs: its
// certificate and key, both authorities, and the list of revoked devices.
func (a *Authority) WriteBroker(folder string, hosts []string) error {
	p, err := a.server("Tram broker", hosts)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the broker's files: %w", err)
	}
	if err := writePair(filepath.Join(folder, "broker.crt"), filepath.Join(folder, "broker.key"), p.key, p.cert, a.hub.cert); err != nil {
		return err
	}
	for name, b := range map[string][]byte{HubFile: a.HubPEM(), DeviceFile: a.DevicePEM()} {
		if err := seal.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
			return err
		}
	}
	return a.CopyCRL(filepath.Join(folder, CRLFile))
}

// WriteHubClient writes a hub's client certificate and key, for a hub on
// another machine: hub.crt, hub.key and the hub authority.
func (a *Authority) WriteHubClient(folder string) error {
	p, err := a.issue(a.leaf(HubName, x509.ExtKeyUsageClientAuth))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("write the hub's files: %w", err)
	}
	if err := writePair(filepath.Join(folder, "hub.crt"), filepath.Join(folder, "hub.key"), p.key, p.cert, a.hub.cert); err != nil {
		return err
	}
	return seal.WriteFile(filepath.Join(folder, HubFile), a.HubPEM(), 0o644)
}

// renewBefore is how long before its end a server's certificate in memory is made anew.
const renewBefore = 365 * 24 * time.Hour
