package seal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const clear = `[{"specversion":"1.0","data":{"person":{"personName":"Nguyễn Văn Thử","idCode":"099099000017"}}}]`

type pair struct {
	device *DeviceKey
	hub    *HubKey
	sealer *Sealer
	opener *Opener
}

func newPair(t testing.TB) pair {
	t.Helper()
	dir := t.TempDir()
	device, err := LoadOrCreateDeviceKey(filepath.Join(dir, "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	hubs, err := LoadOrCreateHubKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	hub := hubs.Encryption()[0]
	sealer, err := NewSealer(device, hub.Public())
	if err != nil {
		t.Fatal(err)
	}
	opener := NewOpener(hub, func(name, _ string) (*PublicKey, error) {
		if name != "desk-1" {
			return nil, fmt.Errorf("device %s: %w", name, ErrUnknownKey)
		}
		return device.Public(), nil
	})
	return pair{device, hub, sealer, opener}
}

func TestWhatWasSealedOpensForTheHubAndTheDeviceThatSignedIt(t *testing.T) {
	p := newPair(t)
	sealed, err := p.sealer.Seal([]byte(clear))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("099099000017")) {
		t.Error("the sealed envelope shows the number in clear")
	}
	got, err := p.opener.Open("desk-1", sealed)
	if err != nil || string(got) != clear {
		t.Errorf("Open = %d bytes, %v; want the sealed %d bytes", len(got), err, len(clear))
	}
	if _, err := p.opener.Open("desk-2", sealed); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open for an unknown device: %v, want ErrUnknownKey", err)
	}
	other := newPair(t)
	if _, err := other.opener.Open("desk-1", sealed); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another hub's Open: %v, want ErrUnknownKey", err)
	}
}

func TestOpenRefusesASignatureOfAnotherKey(t *testing.T) {
	p, thief := newPair(t), newPair(t)
	forged, err := NewSealer(thief.device, p.hub.Public())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := forged.Seal([]byte(clear))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.opener.Open("desk-1", sealed); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open of a forged envelope: %v, want ErrUnknownKey", err)
	}
}

func TestOpenRefusesEveryFlippedByte(t *testing.T) {
	p := newPair(t)
	sealed, err := p.sealer.Seal([]byte(clear))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(sealed); i += 7 {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x04
		if got, err := p.opener.Open("desk-1", bad); err == nil && !bytes.Equal(got, []byte(clear)) {
			t.Fatalf("byte %d flipped: opened %d bytes", i, len(got))
		} else if err != nil && strings.Contains(err.Error(), "Nguy") {
			t.Fatalf("byte %d flipped: the error quotes the record", i)
		}
	}
}

func TestOpenBoundsWhatIsInside(t *testing.T) {
	p := newPair(t)
	if _, err := p.sealer.Seal(make([]byte, MaxPlain+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Seal of too much: %v, want ErrTooLarge", err)
	}
	if _, err := p.opener.Open("desk-1", make([]byte, MaxSealed+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Open of too much: %v, want ErrTooLarge", err)
	}
	packed, err := deflate(make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inflate(packed, 1<<20-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("inflate of a bomb: %v, want ErrTooLarge", err)
	}
}

func TestAKeyFileIsMadeOnceWith0600AndReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.jwk")
	a, err := LoadOrCreateDeviceKey(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadOrCreateDeviceKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if a.KeyID() != b.KeyID() {
		t.Errorf("second load has key %s, want %s", b.KeyID(), a.KeyID())
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateDeviceKey(path); !errors.Is(err, ErrKey) {
		t.Errorf("a key that others may read: %v, want ErrKey", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseDevicePublic(raw); !errors.Is(err, ErrKey) {
		t.Errorf("a private key given as public: %v, want ErrKey", err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", a, a, *a); strings.Contains(printed, "D:") || !strings.Contains(printed, a.KeyID()) {
		t.Errorf("a private key prints as %q", printed)
	}
}

func TestADamagedKeyFileIsAnErrorAndNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.jwk")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateDeviceKey(path); !errors.Is(err, ErrKey) {
		t.Errorf("damaged key: %v, want ErrKey", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "{" {
		t.Errorf("damaged key file was replaced by %d bytes", len(b))
	}
}

func FuzzOpen(f *testing.F) {
	p := newPair(f)
	sealed, err := p.sealer.Seal([]byte(clear))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte("a.b.c.d.e"))
	f.Add([]byte("...."))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := p.opener.Open("desk-1", b); err == nil && string(got) != clear {
			t.Errorf("opened %d bytes that nobody sealed", len(got))
		}
	})
}

func FuzzInflate(f *testing.F) {
	packed, err := deflate([]byte(clear))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := inflate(b, 1<<16); err == nil && len(got) > 1<<16 {
			t.Errorf("inflated %d bytes", len(got))
		}
	})
}

func FuzzParseDevicePublic(f *testing.F) {
	p := newPair(f)
	b, err := p.device.Public().MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseDevicePublic(b); err == nil && k.KeyID() == "" {
			t.Error("a key without id")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	p := newPair(b)
	one := []byte(clear)
	for _, n := range []int{1, 100} {
		plain := append(append([]byte("["), bytes.Repeat(append(one, ','), n-1)...), append(one, ']')...)
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.sealer.Seal(plain); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
