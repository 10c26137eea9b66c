package main

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/agent"
	hubs "tram/hub"
	"tram/hub/ca"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/wire"
)

// enrolmentHub serves the real endpoint on loopback.
func enrolmentHub(t *testing.T) (authority *ca.Authority, url string) {
	t.Helper()
	data := t.TempDir()
	authority, err := ca.Open(ca.Folder(data), ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.LoadOrCreateHubKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	config, err := authority.EndpointTLS("localhost")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(authority.Handler(ca.HandlerOptions{
		Devices: hubs.NewDevices(data), HubKeys: keys.Public, Broker: func(host string) string { return "ssl://" + host + ":8883" },
	}))
	server.Listener = tls.NewListener(server.Listener, config)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return authority, "https://" + server.Listener.Addr().String()
}

func TestEnrollAsAPersonTypesIt(t *testing.T) {
	authority, url := enrolmentHub(t)
	code := func(device string) string {
		c, err := authority.NewCode(device, "main", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return c.Text()
	}
	state := filepath.Join(t.TempDir(), "state") // not there yet
	first := code("desk-a")
	o := tram(t.Context(), "enroll", "--state", state, "--hub", url, strings.ToLower(first), "--json")
	var got enrolled
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || o.code != exitDone {
		t.Fatalf("enroll: %v", o)
	}
	if got.Device != "desk-a" || got.Site != "main" || got.Hub.URL != url || got.Hub.Broker != "ssl://127.0.0.1:8883" || len(got.Health) != 1 || got.Health[0].Status != "ok" {
		t.Errorf("it prints %+v", got)
	}
	for _, c := range []struct {
		name     string
		args     []string
		code     int
		sentence string
	}{
		{"used", []string{"--hub", url, first}, exitFailed, "used already"},
		{"mistyped", []string{"--hub", url, "ABCD-EFGH"}, exitUsage, "not a one-time code"},
		{"no hub", []string{first}, exitUsage, "--hub"},
		{"http", []string{"--hub", "http://127.0.0.1:1", first}, exitUsage, "https://"},
		{"no code", []string{"--hub", url}, exitUsage, "arg"},
		{"not there", []string{"--hub", "https://127.0.0.1:1", first}, exitNotThere, "cannot be reached"},
		{"another device", []string{"--hub", url, code("desk-b")}, exitFailed, "belongs to another device"},
		{"no such key", []string{"--hub", url, "--key", "ftp:x", code("desk-a")}, exitUsage, "not a reference to a key"},
		{"no such TPM", []string{"--hub", url, "--key", "tpm:0x81010001@/dev/no-such-tpm", code("desk-a")}, exitNotThere, "not there"},
	} {
		o := tram(t.Context(), append([]string{"enroll", "--state", state, "--json"}, c.args...)...)
		if o.code != c.code || !strings.Contains(o.err, c.sentence) || !strings.Contains(o.err, "hint: ") || o.out != "" {
			t.Errorf("%s: want exit %d, %q and a hint, got %v", c.name, c.code, c.sentence, o)
		}
	}
	if o := tram(t.Context(), "enroll", "--state", state, "--hub", url, code("desk-a")); o.code != exitDone || !strings.Contains(o.out, "desk-a at main") {
		t.Errorf("again with a new code: %v", o)
	}
}

func TestEnrollKeepsRecordsUnderTheirOwnName(t *testing.T) {
	authority, url := enrolmentHub(t)
	state := t.TempDir()
	path := agent.OutboxPath(state)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := outbox.Open(path, outbox.Options{Source: wire.Source("desk-old"), Seal: func(b []byte) ([]byte, error) { return b, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Accept(t.Context(), outbox.Draft{Type: "vn.tram.test.v1", Data: 1}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := authority.NewCode("desk-new", "main", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	o := tram(t.Context(), "enroll", "--state", state, "--hub", url, c.Text())
	if o.code != exitFailed || !strings.Contains(o.err, "desk-old") {
		t.Errorf("with records of desk-old: want exit %d that names it, got %v", exitFailed, o)
	}
}
