package enroll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// RenewerOptions says whose certificate to keep fresh.
type RenewerOptions struct {
	State       string
	Credentials *Credentials
	Clock       *Clock
	Reconnect   func() // makes the uplink connect anew, with the new certificate
	HubKeys     func() // hub.pub.jwk has changed
	Log         *slog.Logger

	Every time.Duration // how often to look; 1 minute
	Retry time.Duration // first pause after a failure, doubling up to 1 hour; 1 minute
}

// Renewer keeps a device's certificate fresh: at one third of its life left it
// asks for a new one. It asks by the device's key, so that a device which was
// away past its certificate's end comes back by itself.
type Renewer struct {
	o   RenewerOptions
	log *slog.Logger

	mu       sync.Mutex
	err      error // of the last try
	failures int
	next     time.Time // of the next try after a failure; monotonic
}

// NewRenewer returns a Renewer that Run drives.
func NewRenewer(o RenewerOptions) *Renewer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Retry <= 0 {
		o.Retry = time.Minute
	}
	if o.Reconnect == nil {
		o.Reconnect = func() {}
	}
	if o.HubKeys == nil {
		o.HubKeys = func() {}
	}
	return &Renewer{o: o, log: o.Log}
}

// maxRetry is the longest pause between two tries.
const maxRetry = time.Hour

// Run keeps the certificate fresh until ctx ends, and returns nil then. It
// looks often rather than sleeping until the day: the clock may be set, and a
// machine may sleep.
func (r *Renewer) Run(ctx context.Context) error {
	tick := time.NewTicker(r.o.Every)
	defer tick.Stop()
	for {
		if !r.pausing() && r.Due() {
			r.try(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pausing reports whether the pause after a failure lasts still.
func (r *Renewer) pausing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures > 0 && time.Now().Before(r.next)
}

// Due reports whether a third of the certificate's life is left, or less.
func (r *Renewer) Due() bool {
	cert := r.o.Credentials.newest()
	if cert == nil {
		return true
	}
	life := cert.NotAfter.Sub(cert.NotBefore)
	return cert.NotAfter.Sub(r.o.Clock.Now()) <= life/3
}

// try asks once and notes how it went.
func (r *Renewer) try(ctx context.Context) {
	err := r.Renew(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil && r.Due() {
		err = errAhead // asking again at once would not help
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err == nil {
		r.failures = 0
		return
	}
	bound := min(maxRetry, r.o.Retry<<min(r.failures, 10))
	r.failures++
	pause := bound/2 + rand.N(bound/2+1)
	r.next = time.Now().Add(pause)
	r.log.Warn("the certificate is not renewed", "err", err, "pause", pause.Round(time.Second))
}

// errAhead says that a certificate which was just issued looks old.
var errAhead = errors.New("a certificate that was just issued looks old: this machine's clock is ahead of the hub's")

// Renew asks the hub for a new certificate now, and makes the uplink try it.
func (r *Renewer) Renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e, err := Load(r.o.State)
	if err != nil {
		return err
	}
	base, err := ParseHub(e.Hub)
	if err != nil {
		return err
	}
	authority, err := readCertificates(filepath.Join(r.o.State, CAFile))
	if err != nil {
		return fmt.Errorf("read the hub's authority: %w", err)
	}
	request, err := r.request(e, fingerprint(authority[0]))
	if err != nil {
		return err
	}
	trusted := byCertificate(authority[0])
	c := &client{base: base, trust: trusted, clock: r.o.Clock}
	body, err := c.call(ctx, wire.RenewPath, request)
	if err != nil {
		return fmt.Errorf("renew the certificate: %w", err)
	}
	answer, err := checkAnswer(body, r.o.Credentials.signer.Public(), trusted)
	if err != nil {
		return err
	}
	if answer.Device != e.Device {
		return fmt.Errorf("the hub's answer: %w: it is for another device", ErrDamaged)
	}
	if err := r.keep(e, answer); err != nil {
		return err
	}
	r.log.Info("a new certificate is there", "device", e.Device)
	r.o.Credentials.renewed()
	r.o.Reconnect()
	return nil
}

func (r *Renewer) request(e *Enrolment, ca string) (wire.RenewRequest, error) {
	csr, err := newCSR(r.o.Credentials.signer)
	if err != nil {
		return wire.RenewRequest{}, err
	}
	box, err := boxJWK(r.o.State)
	if err != nil {
		return wire.RenewRequest{}, err
	}
	payload, err := json.Marshal(wire.Renewal{Device: e.Device, CA: ca, CSR: csr, Box: box})
	if err != nil {
		return wire.RenewRequest{}, err
	}
	signed, err := seal.SignStatement(r.o.Credentials.signer, wire.RenewalType, payload)
	return wire.RenewRequest{V: 1, Device: e.Device, Signed: signed}, err
}

// keep writes what the hub answered: the certificate beside the one in use, and
// the hub's keys and broker where they changed.
func (r *Renewer) keep(e *Enrolment, answer wire.Enrollment) error {
	unlock, err := lock(r.o.State)
	if err != nil {
		return err
	}
	defer unlock()
	if err := seal.WriteFile(filepath.Join(r.o.State, NewFile), []byte(answer.Certificate), 0o644); err != nil {
		return fmt.Errorf("keep the new certificate: %w", err)
	}
	if err := r.o.Clock.vouched(answer.Time); err != nil {
		r.log.Warn("the hub's time is not kept", "err", err)
	}
	path := filepath.Join(r.o.State, KeysFile)
	if old, err := readFile(path); err != nil || !bytes.Equal(bytes.TrimSpace(old), bytes.TrimSpace(answer.HubKeys)) {
		if err := seal.WriteFile(path, append(answer.HubKeys, '\n'), 0o644); err != nil {
			return fmt.Errorf("keep the hub's keys: %w", err)
		}
		r.o.HubKeys()
	}
	if e.Broker != answer.Broker || e.Site != answer.Site {
		r.log.Warn("the hub names another broker or site; they count from the next start on", "broker", answer.Broker, "site", answer.Site)
		e.Broker, e.Site = answer.Broker, answer.Site
		return e.save(r.o.State)
	}
	return nil
}

// Check is one line of the device's health.
type Check struct {
	ID     string `json:"id"`
	Status string `json:"status"` // ok, warn or fail
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Health says how the certificate is. No certificate is ever a reason to stop
// recording, so that the worst is "fail" for the way to the hub.
func (r *Renewer) Health() []Check {
	r.mu.Lock()
	err := r.err
	r.mu.Unlock()
	return []Check{certificateHealth(r.o.Credentials, r.o.Clock, err)}
}

func certificateHealth(c *Credentials, clock *Clock, err error) Check {
	check := Check{ID: "certificate", Status: "ok"}
	cert := c.newest()
	if cert == nil {
		check.Status, check.Text = "fail", "there is no usable certificate; records are kept"
		check.Remedy = "enrol the device again with a new code: tram enroll --hub URL CODE"
		return check
	}
	left := cert.NotAfter.Sub(clock.Now())
	check.Text = "the certificate is good until " + cert.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case errors.Is(err, errAhead):
		check.Status, check.Text, check.Remedy = "warn", "this machine's clock is ahead of the hub's", "set the clock, or let it be set over the network"
	case left <= 0:
		check.Status, check.Text = "fail", "the certificate ended on "+cert.NotAfter.UTC().Format(time.RFC3339)+"; records are kept"
		check.Remedy = "restore the way to the hub; the device gets a new certificate by itself"
	case err != nil:
		check.Status, check.Remedy = "warn", "restore the way to the hub's enrolment address"
	case clock.Behind():
		check.Status, check.Text, check.Remedy = "warn", "this machine's clock is wrong", "set the clock, or let it be set over the network"
	}
	var refused *Refusal
	if errors.As(err, &refused) {
		check.Status, check.Text = "fail", "the hub refuses a new certificate: "+refused.Text
		check.Remedy = "ask the hub's operator; a new code enrols the device again"
	}
	return check
}

// HealthOf says how the certificate in a state folder is, for the command line.
func HealthOf(c *Credentials, clock *Clock) []Check { return []Check{certificateHealth(c, clock, nil)} }
