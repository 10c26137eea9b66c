package vreader

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingPartsAreNamedWithTheCommandThatInstallsThem(t *testing.T) {
	_, err := firstOf([]string{"/nowhere/pcscd"}, []string{"/nowhere/libifdvpcd.so"})
	if !errors.Is(err, ErrNotInstalled) {
		t.Fatalf("firstOf = %v, want ErrNotInstalled", err)
	}
	if want := "apt-get install pcscd vsmartcard-vpcd"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}

func TestTheDriverIsTakenFromPcscdsOwnConfiguration(t *testing.T) {
	config := filepath.Join(t.TempDir(), "vpcd")
	text := "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME   /dev/null:0x8C7B\nLIBPATH      /opt/libifdvpcd.so\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := libraryOf(config); len(got) != 1 || got[0] != "/opt/libifdvpcd.so" {
		t.Errorf("libraryOf = %q, want /opt/libifdvpcd.so", got)
	}
}
