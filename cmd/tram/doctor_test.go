package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestDoctorSaysWhatToMend(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TRAM_STATE", "")
	file := filepath.Join(dir, "tram.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type result struct {
		Checks []struct{ ID, Status, Text, Remedy string }
	}
	ask := func() (code int, by map[string]string) {
		o := tram(t.Context(), "doctor", "--json", "--config", file)
		var r result
		if err := json.Unmarshal([]byte(o.out), &r); err != nil {
			t.Fatalf("%v: %v", o, err)
		}
		by = map[string]string{}
		for _, c := range r.Checks {
			by[c.ID] = c.Status
			if c.Status != "ok" && c.Remedy == "" {
				t.Errorf("%s is %s without a remedy: %s", c.ID, c.Status, c.Text)
			}
		}
		return o.code, by
	}
	write("device: {name: desk-1, site: test}\nstate: " + dir + "\nreader: {enabled: false}\nscanner: {path: " + dir + "/none}\n")
	code, by := ask()
	if code != exitFailed || by["config"] != "ok" || by["device.scanner"] != "fail" || by["hub.key"] != "fail" || by["daemon"] != "warn" {
		t.Errorf("a desk without its scanner and its hub's key: exit %d, %v", code, by)
	}
	write("device: {name: desk-1, site: test}\nstate: " + dir + "\nreader: {enabled: false}\n")
	if err := os.WriteFile(filepath.Join(dir, "hub.pub.jwk"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, by := ask(); code != exitDone || by["hub.key"] != "ok" {
		t.Errorf("mended: exit %d, %v", code, by)
	}
	write("profil: clinic\n")
	if code, by := ask(); code != exitFailed || by["config"] != "fail" {
		t.Errorf("a mistake in the file: exit %d, %v", code, by)
	}
}
