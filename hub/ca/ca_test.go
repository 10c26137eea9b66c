package ca_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/hub/ca"
	"tram/sync/seal"
	"tram/sync/wire"
)

// clock is a time that a test sets.
type clock struct {
	mu       sync.Mutex
	wall, up time.Duration
}

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return epoch.Add(c.wall)
}

func (c *clock) uptime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

func (c *clock) pass(wall, up time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.up = c.wall+wall, c.up+up
}

func (b *bench) request(t testing.TB, code wire.Code, key crypto.Signer) wire.EnrollRequest {
	t.Helper()
	return wire.EnrollRequest{V: 1, Code: code.Text(), CSR: csrOf(t, key)}
}

func (b *bench) newCode(t testing.TB, device string) wire.Code {
	t.Helper()
	code, err := b.NewCode(device, "main", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestCodeEnrolsOneKeyOnce(t *testing.T) {
	b := newBench(t, ca.Options{})
	code, key := b.newCode(t, "desk-a"), newKey(t)
	answer, err := b.Enrol(b.request(t, code, key), b.devices)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Device != "desk-a" || answer.Site != "main" {
		t.Errorf("enrolled as %s at %s, want desk-a at main", answer.Device, answer.Site)
	}
	if _, err := b.Enrol(b.request(t, code, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeUsed) {
		t.Errorf("another key with the same code: error %v, want ErrCodeUsed", err)
	}
	if _, err := b.Enrol(b.request(t, code, key), b.devices); err != nil {
		t.Errorf("the same key again, whose answer was lost: %v", err)
	}
	if err := b.Confirm(b.request(t, code, key)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Enrol(b.request(t, code, key), b.devices); !errors.Is(err, ca.ErrCodeUsed) {
		t.Errorf("after it was confirmed: error %v, want ErrCodeUsed", err)
	}
	if stored, err := b.devices.Key("desk-a", ""); err != nil || !stored.Is(key.Public()) {
		t.Errorf("the hub's key of the device: %v, %v", stored, err)
	}
}

func TestDevicesThatRaceWithOneCodeHaveOneWinner(t *testing.T) {
	b := newBench(t, ca.Options{})
	code := b.newCode(t, "desk-a")
	var wins, losses int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 6 {
		request := b.request(t, code, newKey(t))
		all.Go(func() {
			_, err := b.Enrol(request, b.devices)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if errors.Is(err, ca.ErrCodeUsed) || errors.Is(err, ca.ErrTaken) {
				losses++
			}
		})
	}
	all.Wait()
	if wins != 1 || losses != 5 {
		t.Errorf("%d won and %d were refused, want 1 and 5", wins, losses)
	}
}

func TestCodeEndsByUptimeWhateverTheWallClockSays(t *testing.T) {
	c := &clock{up: time.Hour}
	b := newBench(t, ca.Options{Now: c.now, Uptime: c.uptime})
	code := b.newCode(t, "desk-a")
	c.pass(-48*time.Hour, 59*time.Minute)
	if _, err := b.Enrol(b.request(t, code, newKey(t)), b.devices); err != nil {
		t.Errorf("59 minutes later, with the clock set back two days: %v", err)
	}
	code = b.newCode(t, "desk-b")
	c.pass(-48*time.Hour, 61*time.Minute)
	if _, err := b.Enrol(b.request(t, code, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeExpired) {
		t.Errorf("61 minutes later, with the clock set back two days: error %v, want ErrCodeExpired", err)
	}
}

func TestCodeGuessedAtIsBurnt(t *testing.T) {
	b := newBench(t, ca.Options{})
	code := b.newCode(t, "desk-a")
	wrong := code
	wrong.Secret[0]++
	for range 5 {
		if _, err := b.Enrol(b.request(t, wrong, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeUnknown) {
			t.Fatalf("a wrong secret: error %v, want ErrCodeUnknown", err)
		}
	}
	if _, err := b.Enrol(b.request(t, code, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeTries) {
		t.Errorf("the right secret after five wrong ones: error %v, want ErrCodeTries", err)
	}
	code = b.newCode(t, "desk-a")
	code.CA[0]++
	if _, err := b.Enrol(b.request(t, code, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeUnknown) {
		t.Errorf("a code of another hub: error %v, want ErrCodeUnknown", err)
	}
}

func TestNewCodeVoidsTheEarlierOne(t *testing.T) {
	b := newBench(t, ca.Options{})
	old := b.newCode(t, "desk-a")
	b.newCode(t, "desk-a")
	if _, err := b.Enrol(b.request(t, old, newKey(t)), b.devices); !errors.Is(err, ca.ErrCodeUnknown) {
		t.Errorf("the earlier code: error %v, want ErrCodeUnknown", err)
	}
}

func TestNameBelongsToItsKeyForEver(t *testing.T) {
	b := newBench(t, ca.Options{})
	key := newKey(t)
	if _, err := b.Enrol(b.request(t, b.newCode(t, "desk-a"), key), b.devices); err != nil {
		t.Fatal(err)
	}
	for range 2 { // before and after a revocation
		if _, err := b.Enrol(b.request(t, b.newCode(t, "desk-a"), newKey(t)), b.devices); !errors.Is(err, ca.ErrTaken) {
			t.Errorf("another key under the name: error %v, want ErrTaken", err)
		}
		if err := errors.Join(b.Revoke("desk-a"), b.devices.Revoke("desk-a")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Enrol(b.request(t, b.newCode(t, "desk-a"), key), b.devices); err != nil {
		t.Errorf("the device comes back with its own key and a new code: %v", err)
	}
}

func TestCodeIsForTheDeviceThatItNames(t *testing.T) {
	b := newBench(t, ca.Options{})
	code, key := b.newCode(t, "desk-b"), newKey(t)
	request := b.request(t, code, key)
	request.Name = "desk-a"
	if _, err := b.Enrol(request, b.devices); !errors.Is(err, ca.ErrOther) {
		t.Errorf("a device that is another: error %v, want ErrOther", err)
	}
	request.Name = ""
	if _, err := b.Enrol(request, b.devices); err != nil {
		t.Errorf("the code after that: %v, want it unused", err)
	}
}

func TestNoDeviceIsCalledLikeAHub(t *testing.T) {
	b := newBench(t, ca.Options{})
	for _, name := range []string{"tram-hub", "tram-hub-1", "TRAM-HUB", "", "a/b", "+"} {
		if _, err := b.NewCode(name, "main", time.Hour); err == nil {
			t.Errorf("a code for a device called %q is made", name)
		}
	}
}

func (b *bench) renewal(t testing.TB, device string, key, signer crypto.Signer, authority string) wire.RenewRequest {
	t.Helper()
	payload, err := json.Marshal(wire.Renewal{Device: device, CA: authority, CSR: csrOf(t, key)})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := seal.SignStatement(signer, wire.RenewalType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return wire.RenewRequest{V: 1, Device: device, Signed: signed}
}

func TestRenewalWantsTheDevicesOwnKeyAndNothingElse(t *testing.T) {
	c := &clock{}
	b := newBench(t, ca.Options{Now: c.now, Uptime: c.uptime})
	key, other := newKey(t), newKey(t)
	answer, err := b.Enrol(b.request(t, b.newCode(t, "desk-a"), key), b.devices)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Enrol(b.request(t, b.newCode(t, "desk-b"), other), b.devices); err != nil {
		t.Fatal(err)
	}
	c.pass(5*365*24*time.Hour, 0) // long past the certificate's end
	fresh, err := b.Renew(b.renewal(t, "desk-a", key, key, b.Fingerprint()), b.devices)
	if err != nil {
		t.Fatalf("a device whose certificate ended years ago: %v", err)
	}
	before, _ := x509.ParseCertificate(derOf(t, answer.Certificate))
	after, _ := x509.ParseCertificate(derOf(t, fresh.Certificate))
	if !after.NotBefore.After(before.NotAfter) || after.Subject.CommonName != "desk-a" {
		t.Errorf("the new certificate is %s's from %v", after.Subject.CommonName, after.NotBefore)
	}
	for name, r := range map[string]wire.RenewRequest{
		"signed by another device": b.renewal(t, "desk-a", key, other, b.Fingerprint()),
		"for another key":          b.renewal(t, "desk-a", other, key, b.Fingerprint()),
		"for another hub":          b.renewal(t, "desk-a", key, key, strings.Repeat("0", 64)),
		"of nobody":                b.renewal(t, "desk-x", key, key, b.Fingerprint()),
		"not signed":               {V: 1, Device: "desk-a", Signed: "a.b.c"},
	} {
		if _, err := b.Renew(r, b.devices); !errors.Is(err, ca.ErrUnknown) {
			t.Errorf("%s: error %v, want ErrUnknown", name, err)
		}
	}
	if err := b.Revoke("desk-a"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Renew(b.renewal(t, "desk-a", key, key, b.Fingerprint()), b.devices); !errors.Is(err, ca.ErrRevoked) {
		t.Errorf("after a revocation: error %v, want ErrRevoked", err)
	}
}

func TestAuthorityIsMadeOnceAndItsKeysAreItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	first, err := ca.Open(dir, ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := ca.Open(dir, ca.Options{})
	if err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("opened again: %v, or another authority", err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".key") {
			info, err := d.Info()
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, want 0600", path, info.Mode().Perm())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "hub-ca.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Open(dir, ca.Options{}); !errors.Is(err, ca.ErrAuthority) {
		t.Errorf("with a key that others may read: error %v, want ErrAuthority", err)
	}
}

// OpenSSL is what Mosquitto verifies with.
func TestOpenSSLAgreesOnCertificatesAndRevocations(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl, which is not installed: apt-get install openssl")
	}
	b := newBench(t, ca.Options{})
	dir := t.TempDir()
	if err := b.WriteBroker(dir, []string{"broker.example", "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	answer, err := b.Enrol(b.request(t, b.newCode(t, "desk-a"), newKey(t)), b.devices)
	if err != nil {
		t.Fatal(err)
	}
	device := filepath.Join(dir, "device.crt")
	if err := os.WriteFile(device, []byte(answer.Certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func(args ...string) error {
		return exec.Command("openssl", append([]string{"verify", "-x509_strict", "-no-CApath", "-no-CAfile"}, args...)...).Run()
	}
	asDevice := []string{"-purpose", "sslclient", "-CAfile", filepath.Join(dir, ca.DeviceFile), "-crl_check", "-CRLfile", filepath.Join(dir, ca.CRLFile), device}
	if err := verify(asDevice...); err != nil {
		t.Errorf("the device's certificate: %v", err)
	}
	if err := verify("-purpose", "sslserver", "-verify_hostname", "broker.example", "-CAfile", filepath.Join(dir, ca.HubFile), filepath.Join(dir, "broker.crt")); err != nil {
		t.Errorf("the broker's certificate: %v", err)
	}
	if err := verify("-purpose", "sslclient", "-CAfile", filepath.Join(dir, ca.HubFile), filepath.Join(dir, "broker.crt")); err == nil {
		t.Error("the broker's certificate is good for a client, too")
	}
	if err := b.Revoke("desk-a"); err != nil {
		t.Fatal(err)
	}
	if err := b.CopyCRL(filepath.Join(dir, ca.CRLFile)); err != nil {
		t.Fatal(err)
	}
	if err := verify(asDevice...); err == nil {
		t.Error("a revoked certificate is good")
	}
}

func FuzzEnrol(f *testing.F) {
	b := newBench(f, ca.Options{})
	code := b.newCode(f, "desk-a")
	f.Add(code.Text(), csrOf(f, newKey(f)), `{"kty":"EC"}`)
	f.Add("", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "null")
	f.Fuzz(func(t *testing.T, code, csr, jwk string) {
		answer, err := b.Enrol(wire.EnrollRequest{V: 1, Code: code, CSR: csr, Device: json.RawMessage(jwk), Box: json.RawMessage(jwk)}, b.devices)
		if err == nil && answer.Device != "desk-a" {
			t.Errorf("enrolled as %s", answer.Device)
		}
	})
}
