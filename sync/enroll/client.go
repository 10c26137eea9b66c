package enroll

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tram/sync/wire"
)

// Errors of talking to a hub.
var (
	ErrURL      = errors.New("not the address of a hub")
	ErrNotThere = errors.New("the hub cannot be reached")
	ErrWrongHub = errors.New("this is not the right hub")
	ErrRefused  = errors.New("the hub refuses")
)

// endpointURI stands in the certificate of a hub's enrolment endpoint.
const endpointURI = "urn:tram:hub"

// Refusal is a hub's refusal with its reason. It is ErrRefused.
type Refusal struct {
	Reason string // one of wire's Refused constants; "" when the hub gave none
	Text   string
}

func (r *Refusal) Error() string { return ErrRefused.Error() + ": " + r.Text }

// Is makes every refusal ErrRefused.
func (r *Refusal) Is(err error) bool { return err == ErrRefused }

// ParseHub reads the address of a hub: https://HOST[:PORT].
func ParseHub(s string) (*url.URL, error) {
	at, err := url.Parse(s)
	if err != nil || at.Scheme != "https" || at.Hostname() == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" || at.Path != "" && at.Path != "/" {
		return nil, fmt.Errorf("%w: want https://HOST:PORT", ErrURL)
	}
	at.Path = ""
	return at, nil
}

// trust decides whether a server's last certificate, its authority, is the hub's.
type trust func(authority *x509.Certificate) bool

// byCode trusts the authority that a one-time code names.
func byCode(c wire.Code) trust {
	return func(a *x509.Certificate) bool { return wire.CAOf(a.RawSubjectPublicKeyInfo) == c.CA }
}

// byCertificate trusts the authority of an enrolment.
func byCertificate(ca *x509.Certificate) trust {
	return func(a *x509.Certificate) bool {
		return bytes.Equal(a.RawSubjectPublicKeyInfo, ca.RawSubjectPublicKeyInfo)
	}
}

// client speaks to one hub's enrolment endpoint.
type client struct {
	base  *url.URL
	trust trust
	clock *Clock
}

// call posts a message and returns the answer's body.
func (c *client) call(ctx context.Context, path string, message any) ([]byte, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: c.tls(), TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, c.explain(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxEnrollment+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: its answer breaks off: %w", ErrNotThere, c.base.Host, err)
	}
	if response.StatusCode == http.StatusOK {
		return answer, nil
	}
	r := wire.ParseRefusal(answer)
	if r.Text == "" {
		r.Text = "it answers " + response.Status
	}
	return nil, &Refusal{Reason: r.Reason, Text: r.Text}
}

// explain tells a hub that is not there from one that is another.
func (c *client) explain(err error) error {
	var header tls.RecordHeaderError
	switch {
	case errors.Is(err, ErrWrongHub):
		return err
	case errors.As(err, &header):
		return fmt.Errorf("%w: %s does not speak HTTPS", ErrWrongHub, c.base.Host)
	case errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotThere, err)
}

// tls verifies the server by its authority and its role, not by its host name:
// the authority is the hub's own and gives that role to nobody else.
func (c *client) tls() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         c.base.Hostname(),
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			if err := verifyHub(s.PeerCertificates, c.trust, c.clock.Now()); err != nil {
				return fmt.Errorf("%w: %s: %w", ErrWrongHub, c.base.Host, err)
			}
			return nil
		},
	}
}

// verifyHub holds a server's certificates against what the device trusts.
func verifyHub(certs []*x509.Certificate, trusted trust, now time.Time) error {
	at := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return c.IsCA && trusted(c) })
	if at < 0 {
		return errors.New("its certificate is from another authority")
	}
	leaf := certs[0]
	roots := x509.NewCertPool()
	roots.AddCert(certs[at])
	// A certificate that begins later than this device's clock only says that the clock is behind.
	for _, c := range []*x509.Certificate{leaf, certs[at]} {
		if c.NotBefore.After(now) {
			now = c.NotBefore
		}
	}
	options := x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	for _, uri := range leaf.URIs {
		if uri.String() == endpointURI {
			return nil
		}
	}
	return errors.New("its certificate is for another purpose")
}

// fingerprint returns the SHA-256 of a certificate's public key, hexadecimal.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
