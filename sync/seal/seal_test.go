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

func TestOpenRefusesWhatIsSealedOtherwise(t *testing.T) {
	p := newPair(t)
	seal := func(change func(h *protected, e *encrypt0)) []byte {
		s, n, err := p.sealer.sessions.next(p.hub.Public(), p.device.Public())
		if err != nil {
			t.Fatal(err)
		}
		var e encrypt0
		if err := decoding.Unmarshal(s.seal(n, []byte("x")), &e); err != nil {
			t.Fatal(err)
		}
		var h protected
		if err := decoding.Unmarshal(e.Protected, &h); err != nil {
			t.Fatal(err)
		}
		change(&h, &e)
		if e.Protected == nil {
			e.Protected = must(encoding.Marshal(h))
		}
		return must(encoding.Marshal(e))
	}
	rebuilt := func(change func(h *protected)) []byte {
		return seal(func(h *protected, e *encrypt0) { change(h); e.Protected = nil })
	}
	for name, sealed := range map[string][]byte{
		"A128GCM":             rebuilt(func(h *protected) { h.Algorithm = 1 }),
		"a short key id":      rebuilt(func(h *protected) { h.Hub = h.Hub[:8] }),
		"no encapsulated key": rebuilt(func(h *protected) { h.Enc = nil }),
		"another session":     rebuilt(func(h *protected) { h.Enc[5] ^= 1 }),
		"a long Partial IV":   seal(func(_ *protected, e *encrypt0) { e.Unprotected.PartialIV = make([]byte, 12) }),
		"another number":      seal(func(_ *protected, e *encrypt0) { e.Unprotected.PartialIV[3] ^= 1 }),
		"not signed":          seal(func(*protected, *encrypt0) {}),
		"a member more": seal(func(_ *protected, e *encrypt0) {
			e.Protected = append([]byte{e.Protected[0] + 1}, append(e.Protected[1:], 0x07, 0x01)...)
		}),
		"a header of 1 KiB":    seal(func(_ *protected, e *encrypt0) { e.Protected = make([]byte, 1024) }),
		"a tag":                append([]byte{0xd0}, seal(func(*protected, *encrypt0) {})...),
		"something behind":     append(seal(func(*protected, *encrypt0) {}), 0),
		"an indefinite length": {0x9f, 0x40, 0xa0, 0x40, 0xff},
		"a JWE":                []byte("eyJhbGciOiJFQ0RILUVTIn0..a.b.c"),
	} {
		if _, err := p.opener.Open("desk-1", sealed); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: Open gives %v, want ErrSeal", name, err)
		}
	}
}

func TestWhatIsSealedForOnePurposeOpensForNoOther(t *testing.T) {
	p := newPair(t)
	for _, made := range []string{Records, Reply, Request} {
		sealed, err := p.sealer.SealAs(made, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []string{Records, Reply, Request} {
			if _, err := p.opener.OpenAs(wanted, "desk-1", sealed); (err == nil) != (made == wanted) {
				t.Errorf("sealed as %s, opened as %s: %v", made, wanted, err)
			}
		}
	}
}

func TestASessionEndsAndEveryNumberIsUsedOnce(t *testing.T) {
	p := newPair(t)
	seen := map[string]bool{}
	headers := map[string]bool{}
	for range 2 * sessionSeals {
		sealed, err := p.sealer.Seal([]byte("[]"))
		if err != nil {
			t.Fatal(err)
		}
		var e encrypt0
		if err := decoding.Unmarshal(sealed, &e); err != nil {
			t.Fatal(err)
		}
		at := string(e.Protected) + string(e.Unprotected.PartialIV)
		if seen[at] {
			t.Fatal("a number is used twice in a session")
		}
		seen[at], headers[string(e.Protected)] = true, true
	}
	if len(headers) != 3 { // NewSealer took a number
		t.Errorf("%d sessions for %d seals, want 3", len(headers), 2*sessionSeals)
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
