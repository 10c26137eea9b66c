package seal

import (
	"bytes"
	"encoding/json"
	"testing"
)

func FuzzOpen(f *testing.F) {
	p := newPair(f)
	sealed, err := p.sealer.Seal([]byte(clear))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{0x83, 0x40, 0xa0, 0x40})
	f.Add([]byte("...."))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := p.opener.Open("desk-1", b); err == nil && string(got) != clear {
			t.Errorf("opened %d bytes that nobody sealed", len(got))
		}
	})
}

// FuzzSigned looks at what is inside the encryption, where only a holder of the
// hub's public key gets.
func FuzzSigned(f *testing.F) {
	p := newPair(f)
	sealed, err := p.sealer.Seal([]byte(clear))
	if err != nil {
		f.Fatal(err)
	}
	var e encrypt0
	var h protected
	if err := decoding.Unmarshal(sealed, &e); err != nil {
		f.Fatal(err)
	}
	if err := decoding.Unmarshal(e.Protected, &h); err != nil {
		f.Fatal(err)
	}
	signed, err := p.opener.decrypt(p.hub, &h, &e)
	if err != nil {
		f.Fatal(err)
	}
	packed, err := deflate([]byte(clear))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := verify(Records, "desk-1", b, p.device.Public(), p.hub.Public()); err == nil && !bytes.Equal(got, packed) {
			t.Errorf("%d bytes verify that nobody signed", len(got))
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

func FuzzParseHubKeys(f *testing.F) {
	k, err := LoadOrCreateHubKeys(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Public())
	one, err := k.enc[0].Public().MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHubKeys(b)
		if err != nil {
			return
		}
		if h.Encryption().Use() != "enc" || h.Encryption().KeyID() == "" {
			t.Error("a hub without a key for encryption")
		}
		device, err := generate(signing)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewSealer(&DeviceKey{device.key, device.public}, h.Encryption()); err != nil {
			t.Errorf("a parsed key does not seal: %v", err)
		}
	})
}

func FuzzOpenHubMessage(f *testing.F) {
	d := newDevice(f)
	signed, err := d.keys.Signer().Sign(Ack, "desk-1", []byte(said))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := d.keys.Signer().Seal(Ack, "desk-1", []byte(said), d.box.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(sealed)
	f.Add([]byte(said))
	f.Fuzz(func(t *testing.T, b []byte) {
		message, ok, err := OpenHubMessage(Ack, "desk-1", b, d.hub, d.box)
		if err != nil {
			return
		}
		var a struct{ Highwater uint64 }
		if err := json.Unmarshal(message, &a); err != nil || !ok || a.Highwater != 7 {
			t.Errorf("opened what the hub never said: %d bytes", len(message))
		}
	})
}
