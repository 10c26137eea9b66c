package enroll

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// ErrOtherDevice is returned when the state folder belongs to a device of another name.
var ErrOtherDevice = errors.New("this state folder belongs to another device")

// Options says who enrols where.
type Options struct {
	State  string
	Hub    string // https://HOST:PORT
	Code   string
	Key    string        // the key's reference, kept in the enrolment
	Signer crypto.Signer // the key
	// Owner is the device whose records the state folder holds, "" for none:
	// those records name it, and another device cannot send them.
	Owner string
	Clock *Clock
	Log   *slog.Logger
}

// timeout bounds one call to a hub.
const timeout = 30 * time.Second

// Enroll enrols the device. When it fails, the state folder has at most a new
// key to encrypt to, and an enrolment that was there before goes on.
func Enroll(ctx context.Context, o Options) (*Enrolment, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	base, err := ParseHub(o.Hub)
	if err != nil {
		return nil, err
	}
	code, err := wire.ParseCode(o.Code)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(o.State)
	if err != nil {
		return nil, err
	}
	defer unlock()
	owner, err := ownerOf(o)
	if err != nil {
		return nil, err
	}
	request, err := newRequest(o, owner)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := &client{base: base, trust: byCode(code), clock: o.Clock}
	body, err := c.call(ctx, wire.EnrollPath, request)
	if err != nil {
		return nil, enrolError(err, owner)
	}
	answer, err := checkAnswer(body, o.Signer.Public(), byCode(code))
	if err != nil {
		return nil, err
	}
	if owner != "" && owner != answer.Device {
		return nil, fmt.Errorf("%w: %s, and the code is for %s", ErrOtherDevice, owner, answer.Device)
	}
	e := &Enrolment{V: 1, Device: answer.Device, Site: answer.Site, Hub: base.String(), Broker: answer.Broker, Key: o.Key, Enrolled: answer.Time,
		Pending: map[string]string{CertFile: answer.Certificate, CAFile: answer.CA, KeysFile: string(answer.HubKeys) + "\n"}}
	if err := e.save(o.State); err != nil {
		return nil, fmt.Errorf("write the enrolment: %w", err)
	}
	if err := e.finish(o.State); err != nil {
		return nil, err
	}
	if err := o.Clock.vouched(answer.Time); err != nil {
		o.Log.Warn("the hub's time is not kept", "err", err)
	}
	// From here on the code is of no use to anybody. When this does not arrive,
	// it is of use to this key only, and only for its short life.
	if _, err := c.call(ctx, wire.ConfirmPath, request); err != nil {
		o.Log.Warn("the hub does not know that the enrolment is complete", "err", err)
	}
	return e, nil
}

// ownerOf returns the device that the state folder belongs to.
func ownerOf(o Options) (string, error) {
	old, err := read(o.State)
	switch {
	case errors.Is(err, ErrNotEnrolled), errors.Is(err, ErrDamaged):
		return o.Owner, nil
	case err != nil:
		return "", err
	case o.Owner != "" && o.Owner != old.Device:
		return "", fmt.Errorf("%w: it is enrolled as %s and holds records of %s", ErrOtherDevice, old.Device, o.Owner)
	}
	return old.Device, nil
}

func enrolError(err error, owner string) error {
	var r *Refusal
	if errors.As(err, &r) && r.Reason == wire.RefusedOther {
		return fmt.Errorf("%w: %s, and the code is for another one", ErrOtherDevice, owner)
	}
	return err
}

func newRequest(o Options, owner string) (wire.EnrollRequest, error) {
	csr, err := newCSR(o.Signer)
	if err != nil {
		return wire.EnrollRequest{}, err
	}
	pub, err := seal.PublicKeyOf(o.Signer.Public())
	if err != nil {
		return wire.EnrollRequest{}, err
	}
	jwk, err := pub.MarshalJSON()
	if err != nil {
		return wire.EnrollRequest{}, err
	}
	box, err := boxJWK(o.State)
	if err != nil {
		return wire.EnrollRequest{}, err
	}
	return wire.EnrollRequest{V: 1, Code: o.Code, CSR: csr, Device: jwk, Box: box, Name: owner}, nil
}

// boxJWK returns the public half of the key that the hub encrypts to.
func boxJWK(state string) ([]byte, error) {
	box, err := seal.LoadOrCreateDeviceBox(filepath.Join(state, BoxFile))
	if err != nil {
		return nil, err
	}
	return box.Public().MarshalJSON()
}

// newCSR returns a certificate request in PEM. Its names do not matter: the
// hub gives them.
func newCSR(signer crypto.Signer) (string, error) {
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "tram device"}, SignatureAlgorithm: x509.ECDSAWithSHA256}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, signer)
	if err != nil {
		return "", fmt.Errorf("sign the certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// checkAnswer holds the hub's answer against the device's key and the hub's authority.
func checkAnswer(body []byte, pub crypto.PublicKey, trusted trust) (wire.Enrollment, error) {
	answer, err := wire.ParseEnrollment(body)
	if err != nil {
		return wire.Enrollment{}, err
	}
	certs, err := parseCertificates([]byte(answer.Certificate))
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("the hub's answer: %w", err)
	}
	own, ok := pub.(*ecdsa.PublicKey)
	if !ok || !own.Equal(certs[0].PublicKey) || certs[0].Subject.CommonName != answer.Device {
		return wire.Enrollment{}, fmt.Errorf("the hub's answer: %w: the certificate is another device's", ErrDamaged)
	}
	authority, err := parseCertificates([]byte(answer.CA))
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("the hub's answer: %w", err)
	}
	if len(authority) != 1 || !trusted(authority[0]) {
		return wire.Enrollment{}, fmt.Errorf("%w: it names another authority than its own", ErrWrongHub)
	}
	if _, err := seal.ParseHubKeys(answer.HubKeys); err != nil {
		return wire.Enrollment{}, fmt.Errorf("the hub's answer: %w", err)
	}
	return answer, nil
}

// removeIfThere removes a file that may be missing.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
