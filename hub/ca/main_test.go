package ca_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"tram/hub"
	"tram/hub/ca"
	"tram/sync/seal"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is an authority with a hub's devices.
type bench struct {
	*ca.Authority
	devices *hub.Devices
}

func newBench(t testing.TB, o ca.Options) *bench {
	t.Helper()
	data := t.TempDir()
	a, err := ca.Open(ca.Folder(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{a, hub.NewDevices(data)}
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := seal.LoadOrCreateSigner(filepath.Join(t.TempDir(), "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func csrOf(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// enrol enrols a new device and returns its certificate with its key.
func (b *bench) enrol(t testing.TB, device string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	code, err := b.NewCode(device, "main", ca.DefaultValid)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.Enrol(wire.EnrollRequest{V: 1, Code: code.Text(), CSR: csrOf(t, key)}, b.devices)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{derOf(t, answer.Certificate)}, PrivateKey: key}
}

func derOf(t testing.TB, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (b *bench) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b.HubPEM())
	return pool
}
