package ca

import (
	"crypto/ecdsa"
	"errors"
	"fmt"

	"tram/sync/seal"
	"tram/sync/wire"
)

// Devices is where the hub keeps the public keys of its devices.
type Devices interface {
	// Key returns a device's signing key, or an error when there is none.
	Key(device, keyID string) (*seal.PublicKey, error)
	// Enrol stores a device's signing key and the key to encrypt to.
	Enrol(device string, jwk, box []byte) error
}

// Why a device is refused beside its code.
var (
	ErrTaken   = errors.New("this name belongs to another device's key")
	ErrOther   = errors.New("the code is for another device")
	ErrUnknown = errors.New("the hub does not know this device and key")
)

// Enrol takes a one-time code and a certificate request, stores the device's
// public keys, and returns its certificate. What it returns has no hub keys and
// no broker yet.
func (a *Authority) Enrol(r wire.EnrollRequest, devices Devices) (wire.Enrollment, error) {
	code, pub, key, err := readEnrol(r)
	if err != nil {
		return wire.Enrollment{}, err
	}
	jwk, err := key.MarshalJSON()
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	unlock, err := a.lock()
	if err != nil {
		return wire.Enrollment{}, err
	}
	defer unlock()
	f, err := a.lookCode(code, key.KeyID())
	if err != nil {
		return wire.Enrollment{}, err
	}
	if r.Name != "" && r.Name != f.Device {
		return wire.Enrollment{}, fmt.Errorf("%v: %w", code, ErrOther)
	}
	known, err := a.readDevice(f.Device)
	if err != nil {
		return wire.Enrollment{}, err
	}
	if known.Key != "" && known.Key != key.KeyID() {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w", f.Device, ErrTaken)
	}
	if old, err := devices.Key(f.Device, key.KeyID()); err == nil && old.KeyID() != key.KeyID() {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w", f.Device, ErrTaken)
	}
	// The code is bound to this key before anything else is kept: two devices
	// that race with one code cannot both win.
	if err := a.useCode(code, f, key.KeyID(), false); err != nil {
		return wire.Enrollment{}, err
	}
	if err := devices.Enrol(f.Device, jwk, nullable(r.Box)); err != nil {
		return wire.Enrollment{}, err
	}
	return a.answer(f.Device, f.Site, key.KeyID(), pub)
}

// readEnrol reads the code and the keys of a request.
func readEnrol(r wire.EnrollRequest) (wire.Code, *ecdsa.PublicKey, *seal.PublicKey, error) {
	code, err := wire.ParseCode(r.Code)
	if err != nil {
		return code, nil, nil, err
	}
	pub, err := parseCSR(r.CSR)
	if err != nil {
		return code, nil, nil, err
	}
	key, err := seal.PublicKeyOf(pub)
	if err != nil {
		return code, nil, nil, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	if len(r.Device) > 0 && string(r.Device) != "null" {
		stated, err := seal.ParseDevicePublic(r.Device)
		if err != nil || stated.KeyID() != key.KeyID() {
			return code, nil, nil, fmt.Errorf("%w: its key is not the device's", ErrCSR)
		}
	}
	if box := nullable(r.Box); box != nil {
		if _, err := seal.ParseHubPublic(box); err != nil {
			return code, nil, nil, fmt.Errorf("%w: the key to encrypt to: %w", ErrCSR, err)
		}
	}
	return code, pub, key, nil
}

func nullable(b []byte) []byte {
	if len(b) == 0 || string(b) == "null" {
		return nil
	}
	return b
}

// answer issues the certificate and notes it. The caller holds the lock.
func (a *Authority) answer(device, site, keyID string, pub *ecdsa.PublicKey) (wire.Enrollment, error) {
	cert, err := a.issueDevice(device, site, pub)
	if err != nil {
		return wire.Enrollment{}, err
	}
	if err := a.note(device, site, keyID, cert); err != nil {
		return wire.Enrollment{}, err
	}
	return wire.Enrollment{
		V: 1, Device: device, Site: site, Certificate: string(encode(cert)), Chain: string(a.DevicePEM()),
		CA: string(a.HubPEM()), Time: a.now().UTC(),
	}, nil
}

// Confirm ends a code for good: the device has what it came for on its disk.
func (a *Authority) Confirm(r wire.EnrollRequest) error {
	code, _, key, err := readEnrol(r)
	if err != nil {
		return err
	}
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	f, err := a.lookCode(code, key.KeyID())
	if err != nil {
		return err
	}
	if f.Key == "" {
		return fmt.Errorf("%v: %w: it was not used", code, ErrCodeUnknown)
	}
	return a.useCode(code, f, key.KeyID(), true)
}

// Renew issues a new certificate to a device that proves its key, whether the
// old certificate has ended or not.
func (a *Authority) Renew(r wire.RenewRequest, devices Devices) (wire.Enrollment, error) {
	if err := checkDevice(r.Device); err != nil {
		return wire.Enrollment{}, err
	}
	unlock, err := a.lock()
	if err != nil {
		return wire.Enrollment{}, err
	}
	defer unlock()
	known, err := a.readDevice(r.Device)
	if err != nil {
		return wire.Enrollment{}, err
	}
	if known.Revoked != nil {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w", r.Device, ErrRevoked)
	}
	key, err := devices.Key(r.Device, known.Key)
	if err != nil || known.Key == "" || key.KeyID() != known.Key {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w", r.Device, ErrUnknown)
	}
	payload, err := seal.OpenStatement(key, wire.RenewalType, r.Signed)
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w: %w", r.Device, ErrUnknown, err)
	}
	renewal, err := wire.ParseRenewal(payload)
	if err != nil {
		return wire.Enrollment{}, err
	}
	pub, err := parseCSR(renewal.CSR)
	if err != nil {
		return wire.Enrollment{}, err
	}
	if renewal.Device != r.Device || renewal.CA != a.Fingerprint() || !key.Is(pub) {
		return wire.Enrollment{}, fmt.Errorf("device %s: %w: signed for another device, hub or key", r.Device, ErrUnknown)
	}
	if box := nullable(renewal.Box); box != nil {
		jwk, err := key.MarshalJSON()
		if err != nil {
			return wire.Enrollment{}, err
		}
		if err := devices.Enrol(r.Device, jwk, box); err != nil {
			return wire.Enrollment{}, err
		}
	}
	return a.answer(r.Device, known.Site, key.KeyID(), pub)
}
