package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/agent/visit"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/vision/models"
)

func TestWrongUsageIsExitCode2(t *testing.T) {
	t.Setenv("TRAM_STATE", t.TempDir())
	for _, c := range []struct {
		args     []string
		sentence string
	}{
		{[]string{"card", "read", "--can", "000017", "--qr", "x"}, "give one of --can, --mrz, --qr"},
		{[]string{"card", "read", "--can", "000017", "--mrz", "x"}, "give one of --can, --mrz, --qr"},
		{[]string{"demo", "--listen", "0.0.0.0:8600"}, "not on the loopback interface"},
		{[]string{"demo", "--listen", "abc"}, "not an address and port"},
		{[]string{"demo", "--listen", "127.0.0.1:99999"}, "not a port"},
		{[]string{"demo", "--once", "--log", "bogus"}, "none of debug, info, warn, error"},
		{[]string{"outbox", "ls", "--limit", "0"}, "list at least one"},
	} {
		if o := tram(t.Context(), c.args...); o.code != exitUsage || !strings.Contains(o.err, c.sentence) || o.out != "" {
			t.Errorf("tram %v: want exit 2 and %q, got %v", c.args, c.sentence, o)
		}
	}
}

func TestHintsNameTheNextStep(t *testing.T) {
	hung := fmt.Errorf("read DG2: %w: exchange with card: %w", emrtd.ErrCardGone, pcsc.ErrTimeout)
	unplugged := fmt.Errorf("read DG2: %w: exchange with card: %w", emrtd.ErrCardGone, pcsc.ErrNoReader)
	noService := fmt.Errorf("read DG2: %w: exchange with card: %w", emrtd.ErrCardGone, pcsc.ErrNoService)
	pulled := fmt.Errorf("read DG2: %w: exchange with card: %w: %w", emrtd.ErrCardGone, pcsc.ErrCardGone, pcsc.ErrNoCard)
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{hung, exitFailed, "lay it on again"},
		{unplugged, exitNotThere, "plug a reader in"},
		{noService, exitNotThere, "start pcscd"},
		{pulled, exitFailed, "leave the card on the reader"},
	} {
		if f := explain(c.err); f.code != c.code || !strings.Contains(f.hint, c.hint) {
			t.Errorf("%v: got exit %d, hint %q, want %d and %q", c.err, f.code, f.hint, c.code, c.hint)
		}
	}
}

func TestADaemonThatCannotStartSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jwk")
	if err := os.WriteFile(broken, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &hub{program: build(t, "tram-hub"), dir: t.TempDir()}
	key := filepath.Join(h.dir, "hub.pub.jwk")
	h.addr = "127.0.0.1:0"
	h.start(t) // makes its key
	for name, c := range map[string]struct{ config, hint string }{
		"unknown profile": {fmt.Sprintf("profile: nowhere\nkiosk: {enabled: false}\nhub: {key: %s}", key), "set profile to one of them"},
		"broken hub key":  {fmt.Sprintf("kiosk: {enabled: false}\nhub: {key: %s}", broken), "bring a good key"},
		"taken address":   {fmt.Sprintf("kiosk: {listen: %q}\nhub: {key: %s}", taken.Addr(), key), "another program uses this address"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tram.yaml")
			text := fmt.Sprintf("device: {name: desk-1, site: test}\nstate: %s\nreader: {enabled: false}\n%s\n", t.TempDir(), c.config)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if o := tram(t.Context(), "run", "--config", file); o.code != exitFailed || !strings.Contains(o.err, "hint: "+c.hint) {
				t.Errorf("want exit 1 and %q, got %v", c.hint, o)
			}
		})
	}
}

func TestTheDemoWithoutItsHubSaysWhatToInstall(t *testing.T) {
	t.Setenv("TRAM_STATE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	if o := tram(t.Context(), "demo", "--once"); o.code != exitNotThere || !strings.Contains(o.err, "hint: install tram-hub beside tram") {
		t.Errorf("want exit 4 and a hint, got %v", o)
	}
}

func TestModelsVerifyTellsMissingFromWrong(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TRAM_MODELS", dir)
	if o := tram(t.Context(), "models", "verify"); o.code != exitNotThere || !strings.Contains(o.err, "are missing") {
		t.Errorf("an empty folder: want exit 4, got %v", o)
	}
	if err := os.WriteFile(filepath.Join(dir, models.Pinned()[0].File), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := tram(t.Context(), "models", "verify"); o.code != exitNotVerified || !strings.Contains(o.err, "not the pinned ones") {
		t.Errorf("a wrong file: want exit 3, got %v", o)
	}
	if o := tram(t.Context(), "models", "ls"); o.code != exitDone {
		t.Errorf("models ls: want exit 0, got %v", o)
	}
}

func TestNotVerifiedSaysWhy(t *testing.T) {
	ok := visit.Verification{Hashes: "ok", SODSignature: "ok", Chain: "trusted", ChipAuthentication: "not_supported", ActiveAuthentication: "not_supported"}
	with := func(change func(*visit.Verification)) visit.Verification {
		v := ok
		change(&v)
		return v
	}
	for _, c := range []struct {
		name    string
		v       visit.Verification
		differs []string
		want    string
	}{
		{"hash", with(func(v *visit.Verification) { v.Hashes = "failed" }), nil, "a check failed"},
		{"expired", with(func(v *visit.Verification) { v.Chain = "expired" }), nil, "a check failed"},
		{"revoked", with(func(v *visit.Verification) { v.Chain = "revoked" }), nil, "a check failed"},
		{"clone", with(func(v *visit.Verification) { v.ChipAuthentication = "failed" }), nil, "a check failed"},
		{"no SOD", with(func(v *visit.Verification) { v.Hashes, v.SODSignature, v.Chain = "not_done", "not_done", "not_done" }), nil, "nothing could be verified"},
		{"another card", ok, []string{"idCode"}, "not of the same card"},
		{"no DG1", ok, nil, "do not say whose they are"},
	} {
		f := explain((&cardResult{Verification: c.v, Differs: c.differs}).notVerified())
		if f.code != exitNotVerified || !strings.Contains(f.sentence, c.want) || f.hint == "" {
			t.Errorf("%s: got exit %d, %q, want 3 and %q", c.name, f.code, f.sentence, c.want)
		}
	}
}
