package ca

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
)

// ErrRevoked is returned for a device that is not welcome any more.
var ErrRevoked = errors.New("the device's certificate is revoked")

// EndpointURI stands in the certificate of the enrolment endpoint, and in no
// broker's: a device that reaches the hub by an address of any kind knows by it
// that it speaks to the endpoint and not to another server of the same authority.
const EndpointURI = "urn:tram:hub"

// source makes a server's certificate in memory when it is first needed, and
// again when it has become old.
type source struct {
	mu   sync.Mutex
	make func() (pair, error)
	a    *Authority
	cert *tls.Certificate
}

func (s *source) get() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cert != nil && s.a.now().Before(s.cert.Leaf.NotAfter.Add(-renewBefore)) {
		return s.cert, nil
	}
	p, err := s.make()
	if err != nil {
		return nil, err
	}
	s.cert = &tls.Certificate{Certificate: [][]byte{p.cert.Raw, s.a.hub.cert.Raw}, PrivateKey: p.key, Leaf: p.cert}
	return s.cert, nil
}

// EndpointTLS returns what the enrolment endpoint serves with. Devices have no
// certificate yet, so none is asked for. They know the endpoint by EndpointURI;
// the hosts are for other clients.
func (a *Authority) EndpointTLS(hosts ...string) (*tls.Config, error) {
	uri, err := url.Parse(EndpointURI)
	if err != nil {
		return nil, err
	}
	s := &source{a: a, make: func() (pair, error) {
		template := a.leaf("Tram hub", x509.ExtKeyUsageServerAuth)
		template.URIs = []*url.URL{uri}
		if err := nameHosts(template, hosts); err != nil {
			return pair{}, err
		}
		return a.issue(template)
	}}
	if _, err := s.get(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.get() },
	}, nil
}

// BrokerTLS returns what a broker in this process serves devices with: TLS 1.3,
// a certificate of the device authority from everyone, revoked ones refused.
func (a *Authority) BrokerTLS(hosts ...string) (*tls.Config, error) {
	s := &source{a: a, make: func() (pair, error) { return a.server("Tram broker", hosts) }}
	if _, err := s.get(); err != nil {
		return nil, err
	}
	devices := x509.NewCertPool()
	devices.AddCert(a.device.cert)
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.get() },
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              devices,
		Time:                   a.now,
		SessionTicketsDisabled: true, // a revocation counts from the next connection on
		VerifyConnection: func(c tls.ConnectionState) error {
			return a.check(c.PeerCertificates[0])
		},
	}, nil
}

// check returns an error for a certificate that names no device or is revoked.
func (a *Authority) check(cert *x509.Certificate) error {
	device, err := DeviceOf(cert)
	if err != nil {
		return err
	}
	f, err := a.readDevice(device)
	if err != nil {
		return err
	}
	if f.Revoked != nil || f.revoked(cert.SerialNumber) {
		return fmt.Errorf("device %s: %w", device, ErrRevoked)
	}
	return nil
}

// HubTLS returns what the hub's client connects to a broker of this authority
// with; its certificate is kept in the folder.
func (a *Authority) HubTLS() (*tls.Config, error) {
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	folder := filepath.Join(a.dir, "hub-client")
	p, err := readPair(filepath.Join(folder, "hub.crt"), filepath.Join(folder, "hub.key"))
	if err != nil || a.now().After(p.cert.NotAfter.Add(-renewBefore)) || p.cert.CheckSignatureFrom(a.hub.cert) != nil {
		if err := a.WriteHubClient(folder); err != nil {
			return nil, err
		}
		if p, err = readPair(filepath.Join(folder, "hub.crt"), filepath.Join(folder, "hub.key")); err != nil {
			return nil, err
		}
	}
	config := clientTLS(p, a.hub.cert)
	config.Time = a.now
	return config, nil
}

// ReadHubTLS returns what a hub's client connects with from the files of
// WriteHubClient.
func ReadHubTLS(folder string) (*tls.Config, error) {
	p, err := readPair(filepath.Join(folder, "hub.crt"), filepath.Join(folder, "hub.key"))
	if err != nil {
		return nil, err
	}
	root, err := readCertificate(filepath.Join(folder, HubFile))
	if err != nil {
		return nil, err
	}
	return clientTLS(p, root), nil
}

func clientTLS(p pair, root *x509.Certificate) *tls.Config {
	servers := x509.NewCertPool()
	servers.AddCert(root)
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		RootCAs:      servers,
		Certificates: []tls.Certificate{{Certificate: [][]byte{p.cert.Raw, root.Raw}, PrivateKey: p.key, Leaf: p.cert}},
	}
}
