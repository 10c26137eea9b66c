package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tram/agent"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// order gives a command at the hub's command line and returns what it prints.
func (h *hub) order(t *testing.T, device, name, data string, args ...string) (reply struct {
	ID, State, Text string
	OK              bool
	Data            json.RawMessage
}) {
	t.Helper()
	args = append([]string{"command", device, name, "--data", h.dir, "--json"}, args...)
	if data != "" {
		args = append(args, "--data", data)
	}
	out, err := exec.Command(h.program, args...).Output()
	if jerr := json.Unmarshal(out, &reply); jerr != nil {
		t.Fatalf("%s: %v, %v\n%s", name, err, jerr, out)
	}
	return reply
}

// status is what "tram status --json" prints.
func (d *desk) status(t *testing.T) (s agent.Status) {
	t.Helper()
	if o := tram(t.Context(), "status", "--state", d.state, "--json"); o.code == exitDone {
		o.decode(t, &s)
	}
	return s
}

func (d *desk) connected(t *testing.T) {
	t.Helper()
	eventually(t, "the device is connected", func() bool { return d.status(t).Hub.State == "connected" })
}

func (d *desk) allDelivered(t *testing.T) {
	t.Helper()
	eventually(t, "everything is delivered", func() bool {
		s := d.status(t)
		return s.Hub.State == "connected" && s.Hub.Waiting == 0
	})
}

func TestKeysRotatedWhileADeviceIsAwayReachItAndItsWaitingRecordsOpen(t *testing.T) {
	h, process := startHub(t)
	d := newDesk(t, h, "")
	// The device's own copy of the hub's keys, as a technician brings it.
	public, copied := filepath.Join(h.dir, "hub.pub.jwk"), filepath.Join(d.state, "hub.pub.jwk")
	config, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{d.config: bytes.ReplaceAll(config, []byte(public), []byte(copied)), copied: old} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.start(t)
	d.register(t, h)
	d.connected(t)
	_ = process.end(syscall.SIGTERM)
	eventually(t, "the device is alone", func() bool { return d.status(t).Hub.State != "connected" })
	if _, err := d.visit(t.Context(), sim.DefaultCitizen()); err != nil { // sealed to the old key
		t.Fatal(err)
	}
	if out, err := exec.Command(h.program, "key", "rotate", "--data", h.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fresh, err := os.ReadFile(public)
	if err != nil || bytes.Equal(fresh, old) {
		t.Fatalf("the keys are not rotated: %v", err)
	}
	h.start(t)
	eventually(t, "the device has the new keys", func() bool {
		b, err := os.ReadFile(copied)
		return err == nil && bytes.Equal(bytes.TrimSpace(b), bytes.TrimSpace(fresh))
	})
	d.allDelivered(t)
	eventually(t, "a visit with the new keys", func() bool { _, err := d.visit(t.Context(), sim.DefaultCitizen()); return err == nil })
	d.allDelivered(t)
	if r := h.report(t, d.name); r.Highwater < 2 || r.Rejected != 0 || string(r.Missing) != "[]" {
		t.Errorf("the hub reports %+v", r)
	}
}

func TestOrdersAreDoneAndSettingsThatCutOffAreTakenBackAfterAKill(t *testing.T) {
	h, _ := startHub(t)
	d := newDesk(t, h, "")
	p := d.start(t)
	d.register(t, h)
	d.connected(t)
	for name, data := range map[string]string{
		"ping": "", "collect": "", "resend": `{"ranges":[[1,1]]}`,
		"notice": `{"version":1,"entries":[{"id":"a","kind":"info","text":{"vi":"Mất điện tối nay"}}]}`,
	} {
		if r := h.order(t, d.name, name, data, "--wait"); !r.OK || r.State != "answered" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := h.order(t, d.name, "trust", `{"files":[{"name":"x","data":"AAAA"}]}`, "--wait"); r.OK || r.Text == "" {
		t.Errorf("a file that is no certificate: %+v", r)
	}
	people := filepath.Join(t.TempDir(), "who.csv")
	if err := os.WriteFile(people, []byte("number,group\n"+sim.DefaultCitizen().IDCode+",Ca 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(h.program, "allow-list", d.name, people, "--rounds", "1000", "--data", h.dir).CombinedOutput(); err != nil || !strings.Contains(string(out), "1 people") {
		t.Errorf("allow-list: %v, %s", err, out)
	}
	eventually(t, "the allow list is there", func() bool { return d.status(t).Lists["allow-list"] > 1 })
	if s := d.status(t); s.Lists["notice"] != 1 || !s.Hub.Signed {
		t.Errorf("status %+v", s)
	}
	h.order(t, d.name, "config", `{"yaml":"hub: {broker: \"tcp://127.0.0.1:1\"}\n","withinSeconds":10}`)
	eventually(t, "the settings are on trial", func() bool { return d.status(t).Settings.Trial })
	_ = p.end(syscall.SIGKILL)
	d.start(t)
	eventually(t, "they are taken back", func() bool {
		s := d.status(t)
		return s.Hub.State == "connected" && !s.Settings.Trial && !s.Settings.Config
	})
	last := d.status(t).Settings.Last
	eventually(t, "the hub was told", func() bool {
		out, err := exec.Command(h.program, "report", "--data", h.dir, "--json").Output()
		return err == nil && strings.Contains(string(out), `"commands":0`)
	})
	if !strings.HasPrefix(last, "taken back") {
		t.Errorf("status says %q", last)
	}
	if _, err := d.visit(t.Context(), sim.DefaultCitizen()); err != nil {
		t.Error(err)
	}
	d.allDelivered(t)
}

func TestACodeOfVNeIDIsResolvedByTheHubsVerifierOrHonestlyNot(t *testing.T) {
	script := filepath.Join(t.TempDir(), "verifier")
	answer := `{"ok":true,"data":{"source":"test-verifier","person":{"idCode":"099099000017","personName":"Nguyễn Văn Thử","dateOfBirth":"15/01/1999","gender":"Nam"}}}`
	if err := os.WriteFile(script, []byte("#!/bin/sh\ngrep -q VNEID.opaque && echo '"+answer+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"with a verifier": {"--verifier", "vneid.resolve=" + script}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			h := &hub{program: build(t, "tram-hub"), dir: t.TempDir(), addr: "127.0.0.1:0", args: args}
			h.start(t)
			d := newDesk(t, h, "profile: clinic\n")
			p := d.start(t)
			d.register(t, h)
			d.connected(t)
			var created struct {
				Visit string `json:"visit"`
			}
			if err := d.client.PostJSON(t.Context(), "/v1/visits", map[string]string{"qr": "VNEID.opaque-0123456789abcdef"}, &created); err != nil {
				t.Fatal(err)
			}
			if err := d.client.PostJSON(t.Context(), "/v1/visits/"+created.Visit+"/consent", nil, nil); err != nil {
				t.Fatal(err)
			}
			var snap visit.Snapshot
			eventually(t, "the hub's answer is shown", func() bool {
				err := d.client.GetJSON(t.Context(), "/v1/state", &snap)
				return err == nil && snap.Visit != nil && snap.Visit.Stage != visit.StageConsent && snap.Visit.Stage != visit.StageOnline
			})
			v := snap.Visit
			if args == nil {
				if v.Failure == nil || v.Failure.Code != "online_refused" || v.Person != nil {
					t.Errorf("without a verifier: stage %s, failure %+v", v.Stage, v.Failure)
				}
			} else if v.Person == nil || fmt.Sprint(v.Assurance) != "qr" || v.Failure != nil {
				t.Errorf("with a verifier: stage %s, assurance %s, failure %+v", v.Stage, v.Assurance, v.Failure)
			}
			if s := p.log.String(); strings.Contains(s, "099099000017") || strings.Contains(s, "VNEID.opaque") {
				t.Error("the log holds something of the person")
			}
		})
	}
}
