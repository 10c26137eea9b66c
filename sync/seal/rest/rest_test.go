package rest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsSealedOpensWithTheSameKeyAndLabelOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rest.jwk")
	b, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte("Nguyễn Văn Thử 099099000017")
	sealed, err := b.Seal("roster", plain)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("099099000017")) {
		t.Error("the text is in clear")
	}
	again, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open("roster", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Open = %q, %v", got, err)
	}
	if _, err := b.Open("allow-list", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("under another label: %v", err)
	}
	other, err := LoadOrCreate(filepath.Join(t.TempDir(), "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open("roster", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("with another key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := b.Open("roster", bad); err == nil && !bytes.Equal(got, plain) {
			t.Fatalf("byte %d changed: opens to something else", i)
		}
	}
}

func TestAKeyThatOthersReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rest.jwk")
	if _, err := LoadOrCreate(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(path); !errors.Is(err, ErrKey) {
		t.Errorf("mode 0644: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"kty":"oct","k":"AAAA"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(path); !errors.Is(err, ErrKey) {
		t.Errorf("a short key: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	b := &Box{key: make([]byte, keyBytes)}
	sealed, err := b.Seal("x", []byte("y"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte("a.b.c.d.e"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = b.Open("x", data) })
}
