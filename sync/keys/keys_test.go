package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tram/sync/keys"
	"tram/sync/seal"
)

// proves checks that a key signs, in TLS's way and in a statement.
func proves(t *testing.T, k *keys.Key) {
	t.Helper()
	for i := range 8 { // short coordinates show in some signatures only
		digest := sha256.Sum256([]byte{byte(i)})
		sig, err := k.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(k.Public().(*ecdsa.PublicKey), digest[:], sig) {
			t.Fatal("a signature does not verify")
		}
	}
	jwk, err := k.JWK()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := seal.ParseDevicePublic(jwk)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := seal.SignStatement(k, "test", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.OpenStatement(pub, "test", signed); err != nil || string(got) != "hello" {
		t.Errorf("a statement: %q, %v", got, err)
	}
}

// keeps checks that a key is made once, is the same when opened again, and is
// not made where it must not be.
func keeps(t *testing.T, reference, state string) {
	t.Helper()
	if _, err := keys.Open(reference, keys.Options{State: state}); !errors.Is(err, keys.ErrNotThere) {
		t.Fatalf("a key that was never made: error %v, want ErrNotThere", err)
	}
	first, err := keys.Open(reference, keys.Options{State: state, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	proves(t, first)
	pub := first.Public().(*ecdsa.PublicKey)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := keys.Open(reference, keys.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !pub.Equal(again.Public()) {
		t.Error("opened again it is another key")
	}
	proves(t, again)
}

func TestFileKeepsTheKey(t *testing.T) {
	state := t.TempDir()
	keeps(t, "", state)
	info, err := os.Stat(filepath.Join(state, "device.jwk"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want mode 0600", info, err)
	}
	k, err := keys.Open("", keys.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %v", k, k, k.Signer); strings.Contains(s, "0x") || strings.Contains(s, "D:") {
		t.Errorf("a printed key shows %q", s)
	}
	if err := os.Chmod(filepath.Join(state, "device.jwk"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open("", keys.Options{State: state}); !errors.Is(err, seal.ErrKey) {
		t.Errorf("a file that others may read: error %v, want ErrKey", err)
	}
}

func TestCredentialIsReadWhereSystemdPutsIt(t *testing.T) {
	dir := t.TempDir()
	if _, err := keys.Open("file:"+filepath.Join(dir, "tram-key"), keys.Options{Create: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "tram-key"), 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open("credential:tram-key", keys.Options{}); !errors.Is(err, keys.ErrNotThere) {
		t.Errorf("outside a service: error %v, want ErrNotThere", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	k, err := keys.Open("credential:tram-key", keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	proves(t, k)
	if _, err := keys.Open("credential:other", keys.Options{Create: true}); !errors.Is(err, keys.ErrNotThere) {
		t.Errorf("another credential: error %v, want ErrNotThere", err)
	}
	if _, err := keys.Open("credential:../tram-key", keys.Options{}); !errors.Is(err, keys.ErrReference) {
		t.Errorf("a path: error %v, want ErrReference", err)
	}
}

func TestReferenceThatMeansNothingIsRefused(t *testing.T) {
	for _, r := range []string{"device.jwk", "file:", "ftp:x", "tpm:1", "tpm:0x81800000", "tpm:key", "pkcs11:token=a", "pkcs11:token=a;object=b?module-path=/x&pin-value=1",
		"pkcs11:token=%zz;object=b?module-path=/x", "pkcs11:slot-id=1;token=a;object=b?module-path=/x"} {
		if _, err := keys.Open(r, keys.Options{State: t.TempDir(), Create: true}); !errors.Is(err, keys.ErrReference) {
			t.Errorf("%s: error %v, want ErrReference", r, err)
		}
	}
	if _, err := keys.Open("tpm:0x81010001@/dev/no-such-tpm", keys.Options{}); !errors.Is(err, keys.ErrNotThere) {
		t.Errorf("no TPM: error %v, want ErrNotThere", err)
	}
	if _, err := keys.Open("pkcs11:token=a;object=b?module-path=/no/such/module.so", keys.Options{}); !errors.Is(err, keys.ErrNotThere) {
		t.Errorf("no module: error %v, want ErrNotThere", err)
	}
}

// softHSM is where Debian puts the module, by architecture.
func softHSM(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	found = append(found, "/usr/lib/softhsm/libsofthsm2.so")
	if _, err := os.Stat(found[0]); err != nil {
		t.Skip("needs SoftHSM, which is not installed: apt-get install softhsm2")
	}
	return found[0]
}

func TestTokenKeepsTheKey(t *testing.T) {
	module := softHSM(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	for path, content := range map[string]string{conf: "directories.tokendir = " + dir + "\nlog.level = ERROR\n", filepath.Join(dir, "pin"): "1234\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "tram test", "--so-pin", "5678", "--pin", "1234").CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v: %s", err, out)
	}
	reference := "pkcs11:token=tram%20test;object=device?module-path=" + module + "&pin-source=pin"
	keeps(t, reference, dir)
	if _, err := keys.Open(strings.Replace(reference, "tram%20test", "other", 1), keys.Options{State: dir, Create: true}); !errors.Is(err, keys.ErrNotThere) {
		t.Errorf("another token: error %v, want ErrNotThere", err)
	}
}

func TestTPMKeepsTheKey(t *testing.T) {
	program, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("needs swtpm, which is not installed: apt-get install swtpm")
	}
	dir, err := os.MkdirTemp("", "tpm") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	start := func() {
		t.Helper()
		// swtpm ends with its only connection; the state folder is the chip.
		cmd := exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(socket); err == nil {
				return
			}
			if time.Since(begin) > 20*time.Second {
				t.Fatal("swtpm does not listen")
			}
		}
	}
	start()
	keeps(t, "tpm:0x81010001@unix:"+socket, dir)
}

func FuzzOpen(f *testing.F) {
	for _, s := range []string{"file:device.jwk", "credential:x", "tpm:0x81010001@unix:/none", "pkcs11:token=a;object=b?module-path=/none&pin-source=/dev/null", "pkcs11:%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reference string) {
		if kind, _, _ := strings.Cut(reference, ":"); kind == "file" || kind == "tpm" || strings.Contains(reference, "/") {
			return // other devices and files of this machine are not ours to open
		}
		if k, err := keys.Open(reference, keys.Options{State: t.TempDir()}); err == nil {
			k.Close()
		}
	})
}
