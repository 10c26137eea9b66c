package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

const said = `{"v":1,"highwater":7}`

// addressed is a device that knows its hub's keys.
type addressed struct {
	keys *HubKeys
	hub  *HubPublic
	box  *DeviceBox
}

func newDevice(t testing.TB) addressed {
	t.Helper()
	var d addressed
	var err error
	if d.keys, err = LoadOrCreateHubKeys(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if d.hub, err = ParseHubKeys(d.keys.Public()); err != nil {
		t.Fatal(err)
	}
	if d.box, err = LoadOrCreateDeviceBox(filepath.Join(t.TempDir(), "device-enc.jwk")); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *addressed) signed(t testing.TB, kind, device string) []byte {
	t.Helper()
	b, err := d.keys.Signer().Sign(kind, device, []byte(said))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (d *addressed) sealed(t testing.TB, box *DeviceBox) []byte {
	t.Helper()
	b, err := d.keys.Signer().Seal(Command, "desk-1", []byte(said), box.Public())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatTheHubSignedOpensForItsDeviceAndPurposeOnly(t *testing.T) {
	d, other := newDevice(t), newDevice(t)
	plain, old := []byte(said), &HubPublic{enc: d.hub.enc}
	for name, c := range map[string]struct {
		payload []byte
		hub     *HubPublic
		want    error
		signed  bool
	}{
		"signed":              {d.signed(t, Command, "desk-1"), d.hub, nil, true},
		"sealed":              {d.sealed(t, d.box), d.hub, nil, true},
		"plain, no key known": {plain, old, nil, false},
		"plain, no hub known": {plain, nil, nil, false},
		"plain":               {plain, d.hub, ErrUnsigned, false},
		"another device":      {d.signed(t, Command, "desk-2"), d.hub, ErrAddressee, false},
		"another purpose":     {d.signed(t, Ack, "desk-1"), d.hub, ErrAddressee, false},
		"another hub":         {other.signed(t, Command, "desk-1"), d.hub, ErrUnknownKey, false},
		"another box":         {d.sealed(t, other.box), d.hub, ErrUnknownKey, false},
		"signed, no key":      {d.signed(t, Command, "desk-1"), old, ErrUnknownKey, false},
		"too large":           {make([]byte, MaxHubMessage+1), d.hub, ErrTooLarge, false},
		"not JSON":            {[]byte("{"), d.hub, ErrSeal, false},
		"nothing":             {nil, d.hub, ErrSeal, false},
	} {
		message, signed, err := OpenHubMessage(Command, "desk-1", c.payload, c.hub, d.box)
		if !errors.Is(err, c.want) || signed != c.signed {
			t.Errorf("%s: signed %v, %v; want %v, %v", name, signed, err, c.signed, c.want)
		}
		var m struct{ Highwater uint64 }
		if c.want == nil && (json.Unmarshal(message, &m) != nil || m.Highwater != 7) {
			t.Errorf("%s: opened %s", name, message)
		}
	}
	if _, _, err := OpenHubMessage(Command, "desk-1", d.sealed(t, d.box), d.hub, nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("sealed, and no box: %v, want ErrUnknownKey", err)
	}
}

func TestWhatTheHubSignedWithAnotherAlgorithmOrTypeIsRefused(t *testing.T) {
	d := newDevice(t)
	point, err := d.keys.signers[0].key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, opt := range map[string]struct {
		key jose.SigningKey
		typ jose.ContentType
	}{
		"another type": {jose.SigningKey{Algorithm: jose.ES256, Key: d.keys.signers[0].jwk()}, "JWT"},
		"HMAC with the public key": {jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{
			Key: point, KeyID: d.keys.signers[0].KeyID()}}, hubType},
	} {
		signer, err := jose.NewSigner(opt.key, (&jose.SignerOptions{}).WithType(opt.typ))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(`{"kind":"ack","device":"desk-1","v":1,"highwater":7}`))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenHubMessage(Ack, "desk-1", []byte(`{"v":1,"signed":"`+signed+`"}`), d.hub, d.box); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: %v, want ErrSeal", name, err)
		}
	}
}

func TestAHubsKeysRotateAndOldAndNewOverlap(t *testing.T) {
	dir := t.TempDir()
	keys, err := LoadOrCreateHubKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	device, err := LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := ParseHubKeys(keys.Public())
	if err != nil {
		t.Fatal(err)
	}
	old, err := NewSealer(device, before.Encryption())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := old.Seal([]byte(clear))
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Rotate(); err != nil {
		t.Fatal(err)
	}
	if keys, err = LoadOrCreateHubKeys(dir); err != nil { // as after a restart
		t.Fatal(err)
	}
	after, err := ParseHubKeys(keys.Public())
	if err != nil {
		t.Fatal(err)
	}
	if after.Encryption().KeyID() == before.Encryption().KeyID() {
		t.Error("a rotation left the key to encrypt to")
	}
	opener := keys.Opener(func(string, string) (*PublicKey, error) { return device.Public(), nil })
	if _, err := opener.Open("desk-1", sealed); err != nil {
		t.Errorf("what was sealed before the rotation does not open after it: %v", err)
	}
	message, err := keys.Signer().Sign(Ack, "desk-1", []byte(said))
	if err != nil {
		t.Fatal(err)
	}
	for name, hub := range map[string]*HubPublic{"before": before, "after": after} {
		if _, _, err := OpenHubMessage(Ack, "desk-1", message, hub, nil); err != nil {
			t.Errorf("a device that knows the keys of %s the rotation: %v", name, err)
		}
	}
	for range 5 {
		if err := keys.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys.enc) != keptKeys || len(keys.signers) != keptKeys {
		t.Errorf("%d and %d keys are kept, want %d", len(keys.enc), len(keys.signers), keptKeys)
	}
	info, err := os.Stat(filepath.Join(dir, HubKeysFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the keys' file has mode %v, %v; want 0600", info.Mode(), err)
	}
	if strings.Contains(string(keys.Public()), `"d"`) {
		t.Error("the public set holds a private key")
	}
}

func TestAHubsSingleKeyBecomesASet(t *testing.T) {
	dir := t.TempDir()
	one, err := create(filepath.Join(dir, HubKeysFile), encryption)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := LoadOrCreateHubKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if keys.enc[0].KeyID() != one.KeyID() || len(keys.signers) != 2 {
		t.Errorf("the set has %d signing keys and encrypts with %s, want 2 and %s", len(keys.signers), keys.enc[0].KeyID(), one.KeyID())
	}
	public, err := one.Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	hub, err := ParseHubKeys(public)
	if err != nil || hub.Signs() {
		t.Errorf("a hub's single public key: %v", err)
	}
	private := one.jwk()
	raw, err := private.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseHubKeys(raw); !errors.Is(err, ErrKey) {
		t.Errorf("a private key given as the hub's public one: %v, want ErrKey", err)
	}
}

// opaque is a key that only signs, as one in a TPM does.
type opaque struct{ key *ecdsa.PrivateKey }

func (o opaque) Public() crypto.PublicKey { return o.key.Public() }

func (o opaque) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return o.key.Sign(r, digest, opts)
}

func TestADeviceKeyMayLiveElsewhere(t *testing.T) {
	d := newDevice(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	device, err := NewDeviceKey(opaque{key})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := NewSealer(device, d.hub.Encryption())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.Seal([]byte(clear))
	if err != nil {
		t.Fatal(err)
	}
	opener := d.keys.Opener(func(_, id string) (*PublicKey, error) {
		if id != device.KeyID() {
			t.Errorf("Lookup of key %s, want %s", id, device.KeyID())
		}
		return device.Public(), nil
	})
	if got, err := opener.Open("desk-1", sealed); err != nil || string(got) != clear {
		t.Errorf("Open = %d bytes, %v", len(got), err)
	}
	wrong, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewDeviceKey(opaque{wrong}); !errors.Is(err, ErrKey) {
		t.Errorf("a key on P-384: %v, want ErrKey", err)
	}
}
