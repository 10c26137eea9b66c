package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Paths of the hub's enrolment endpoint. All are POST with a JSON body.
const (
	EnrollPath    = "/v1/enroll"    // EnrollRequest to Enrollment
	ConfirmPath   = "/v1/confirm"   // EnrollRequest to nothing: the answer is on the device's disk
	RenewPath     = "/v1/renew"     // RenewRequest to Enrollment
	MaxEnrollment = 64 << 10        // largest body either way, in bytes
	RenewalType   = "tram-renewal1" // typ of the JWS in a RenewRequest
)

// ErrEnrollment is returned for a message that is not one of enrolment's.
var ErrEnrollment = errors.New("not an enrolment message")

// EnrollRequest is what a device sends with its one-time code.
type EnrollRequest struct {
	V      int             `json:"v"`
	Code   string          `json:"code"`             // as typed; see ParseCode
	CSR    string          `json:"csr"`              // PKCS #10 in PEM, signed by the device key
	Device json.RawMessage `json:"device,omitempty"` // public JWK of the same key, use "sig"
	Box    json.RawMessage `json:"box,omitempty"`    // public JWK, use "enc": the hub encrypts to it
	Name   string          `json:"name,omitempty"`   // the device that this one already is: a code for another is refused unused
}

// Format prints the kind of message, never the code.
func (EnrollRequest) Format(f fmt.State, _ rune) { fmt.Fprint(f, "enrolment request") }

// RenewRequest asks for a new certificate: a compact JWS by the device key
// around a Renewal. No TLS certificate is needed, so that a device whose
// certificate has ended can still renew it.
type RenewRequest struct {
	V      int    `json:"v"`
	Device string `json:"device"`
	Signed string `json:"signed"`
}

// Renewal is what a RenewRequest's signature covers.
type Renewal struct {
	Device string          `json:"device"`
	CA     string          `json:"ca"` // SHA-256 of the hub CA's SubjectPublicKeyInfo, hexadecimal: for which hub this was signed
	CSR    string          `json:"csr"`
	Box    json.RawMessage `json:"box,omitempty"`
}

// Enrollment is the hub's answer: everything a device needs to be one of its own.
type Enrollment struct {
	V           int             `json:"v"`
	Device      string          `json:"device"`
	Site        string          `json:"site"`
	Certificate string          `json:"certificate"` // PEM, one certificate
	Chain       string          `json:"chain"`       // PEM, the authorities above it
	HubKeys     json.RawMessage `json:"hubKeys"`     // JWK or JWKS
	Broker      string          `json:"broker"`
	CA          string          `json:"ca"` // PEM: the authority of the hub's and the broker's certificates
	Time        time.Time       `json:"time"`
}

// Refusal is the body of an answer that is not 200.
type Refusal struct {
	V      int    `json:"v"`
	Reason string `json:"reason"` // one of the Refused… constants
	Text   string `json:"text"`
}

// Why a hub refuses.
const (
	RefusedCode    = "code"    // not a code of this hub, or for ever wrong
	RefusedUsed    = "used"    // the code was used
	RefusedExpired = "expired" // the code's time is over
	RefusedTries   = "tries"   // too many wrong tries
	RefusedTaken   = "taken"   // the name belongs to another device key
	RefusedOther   = "other"   // the code is for another device than the one that asks
	RefusedRevoked = "revoked" // the device is not welcome any more
	RefusedUnknown = "unknown" // no such device, or not its key
	RefusedRequest = "request" // the request is not understood
	RefusedHub     = "hub"     // the hub itself has a problem; try later
)

// ParseEnrollRequest reads a device's request; what it holds is checked by who uses it.
func ParseEnrollRequest(b []byte) (EnrollRequest, error) {
	var r EnrollRequest
	if err := parseEnrolment(b, &r); err != nil {
		return EnrollRequest{}, err
	}
	if r.V != 1 || r.Code == "" || r.CSR == "" {
		return EnrollRequest{}, fmt.Errorf("%w: a request of version %d, or without code or csr", ErrEnrollment, r.V)
	}
	return r, nil
}

// ParseRenewRequest reads a device's request for a new certificate.
func ParseRenewRequest(b []byte) (RenewRequest, error) {
	var r RenewRequest
	if err := parseEnrolment(b, &r); err != nil {
		return RenewRequest{}, err
	}
	if r.V != 1 || r.Signed == "" {
		return RenewRequest{}, fmt.Errorf("%w: a renewal of version %d, or without signature", ErrEnrollment, r.V)
	}
	if err := CheckName(r.Device); err != nil {
		return RenewRequest{}, fmt.Errorf("renewal: %w", err)
	}
	return r, nil
}

// ParseRenewal reads what a renewal's signature covers.
func ParseRenewal(b []byte) (Renewal, error) {
	var r Renewal
	if err := parseEnrolment(b, &r); err != nil {
		return Renewal{}, err
	}
	if r.CSR == "" || r.CA == "" {
		return Renewal{}, fmt.Errorf("%w: a renewal without csr or ca", ErrEnrollment)
	}
	return r, nil
}

// ParseEnrollment reads the hub's answer and checks its names.
func ParseEnrollment(b []byte) (Enrollment, error) {
	var e Enrollment
	if err := parseEnrolment(b, &e); err != nil {
		return Enrollment{}, err
	}
	if e.V != 1 || e.Certificate == "" || e.CA == "" || len(e.HubKeys) == 0 || e.Broker == "" {
		return Enrollment{}, fmt.Errorf("%w: an answer of version %d, or without certificate, ca, hubKeys or broker", ErrEnrollment, e.V)
	}
	if _, err := NewTopic(e.Site, e.Device, Records); err != nil {
		return Enrollment{}, fmt.Errorf("enrolment answer: %w", err)
	}
	return e, nil
}

// ParseRefusal reads why a hub refuses; anything unreadable is a refusal without a reason.
func ParseRefusal(b []byte) Refusal {
	var r Refusal
	if err := parseEnrolment(b, &r); err != nil {
		return Refusal{}
	}
	r.Text = r.Text[:min(len(r.Text), 300)]
	return r
}

func parseEnrolment(b []byte, into any) error {
	if len(b) > MaxEnrollment {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrEnrollment, len(b), MaxEnrollment)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: not the JSON it should be", ErrEnrollment) // the decoder's words may quote a code
	}
	return nil
}
