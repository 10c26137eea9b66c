package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// waitLimit is how long a test waits for a condition before it fails; nothing is
// measured by it.
const waitLimit = 60 * time.Second

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// process is a started program that the test ends.
type process struct {
	cmd  *exec.Cmd
	log  lockedBuffer
	once sync.Once
	err  error
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

func (p *process) end(signal syscall.Signal) error {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(signal)
		p.err = p.cmd.Wait()
	})
	return p.err
}

// hub is a tram-hub process with its embedded broker.
type hub struct {
	program, dir, addr string
	args               []string // of its run command, beside these
}

func startHub(t *testing.T) (*hub, *process) {
	t.Helper()
	h := &hub{program: build(t, "tram-hub"), dir: t.TempDir(), addr: "127.0.0.1:0"}
	return h, h.start(t)
}

func (h *hub) start(t *testing.T) *process {
	t.Helper()
	ready := filepath.Join(h.dir, "listen")
	_ = os.Remove(ready)
	p := start(t, exec.Command(h.program, append([]string{"run", "--listen", h.addr, "--data", h.dir}, h.args...)...))
	eventually(t, "the hub's address", func() bool {
		b, err := os.ReadFile(ready)
		h.addr = strings.TrimSpace(string(b))
		return err == nil && h.addr != ""
	})
	return p
}

// deviceReport is a device's line in the hub's report.
type deviceReport struct {
	Device     string          `json:"device"`
	Highwater  uint64          `json:"highwater"`
	Missing    json.RawMessage `json:"missing"`
	Duplicates uint64          `json:"duplicates"`
	Rejected   uint64          `json:"rejected"`
}

func (h *hub) report(t *testing.T, device string) deviceReport {
	t.Helper()
	out, err := exec.Command(h.program, "report", "--data", h.dir, "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Devices []deviceReport `json:"devices"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, d := range all.Devices {
		if d.Device == device {
			return d
		}
	}
	return deviceReport{}
}

// sequences lists the stored records of a device.
func (h *hub) sequences(t *testing.T, device string) map[uint64]int {
	t.Helper()
	out, err := exec.Command(h.program, "records", "--data", h.dir, "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[uint64]int{}
	for line := range strings.Lines(string(out)) {
		var r struct {
			Device   string `json:"device"`
			Sequence uint64 `json:"sequence"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if r.Device == device {
			found[r.Sequence]++
		}
	}
	return found
}

// desk is a tram process on its state folder.
type desk struct {
	name, state, config string
	client              *kiosk.Client
}

func newDesk(t *testing.T, h *hub, extra string) *desk {
	t.Helper()
	d := &desk{name: "desk-1", state: t.TempDir()}
	d.config = filepath.Join(t.TempDir(), "tram.yaml")
	text := fmt.Sprintf(`device: {name: %s, site: test}
state: %s
reader: {enabled: false}
kiosk: {enabled: false}
hub: {broker: "tcp://%s", key: %s}
%s`, d.name, d.state, h.addr, filepath.Join(h.dir, "hub.pub.jwk"), extra)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.client = kiosk.Dial(agent.SocketPath(d.state))
	return d
}

func (d *desk) start(t *testing.T) *process {
	t.Helper()
	p := start(t, program(t, nil, "run", "--config", d.config))
	eventually(t, "the daemon's socket", func() bool {
		var s agent.Status
		return d.client.GetJSON(t.Context(), "/v1/status", &s) == nil
	})
	return p
}

// register gives the device's public key to the hub.
func (d *desk) register(t *testing.T, h *hub) {
	t.Helper()
	out, err := exec.Command(h.program, "device", "add", d.name, agent.PublicKeyPath(d.state), "--data", h.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// visit makes one record with a code alone and returns its sequence: accepted.
func (d *desk) visit(ctx context.Context, c sim.Citizen) (uint64, error) {
	var created struct {
		Visit string `json:"visit"`
	}
	if err := d.client.PostJSON(ctx, "/v1/visits", map[string]string{"qr": c.QR2021()}, &created); err != nil {
		return 0, err
	}
	for _, verb := range []string{"consent", "skip-chip", "confirm"} {
		err := d.client.PostJSON(ctx, "/v1/visits/"+created.Visit+"/"+verb, nil, nil)
		if errors.Is(err, kiosk.ErrConflict) && verb == "skip-chip" {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", verb, err)
		}
	}
	var snap visit.Snapshot
	if err := d.client.GetJSON(ctx, "/v1/state", &snap); err != nil {
		return 0, err
	}
	if snap.Visit == nil || snap.Visit.Record == nil {
		return 0, errors.New("confirmed, and no record is shown")
	}
	return snap.Visit.Record.Sequence, nil
}

func TestCampaignKilledDaemonLosesNothingThatItAccepted(t *testing.T) {
	seed, rounds := uint64(6), 6
	if os.Getenv("TRAM_CAMPAIGN") == "long" {
		rounds = 200
	}
	t.Logf("seed %d, %d rounds", seed, rounds)
	random := rand.New(rand.NewPCG(seed, seed))
	h, _ := startHub(t)
	d := newDesk(t, h, "")
	accepted := map[uint64]bool{} // what the daemon said is on disk, kept outside it

	for round := range rounds {
		p := d.start(t)
		if round == 0 {
			d.register(t, h)
		}
		ctx, killed := context.WithCancel(t.Context())
		var killer sync.WaitGroup
		after := time.Duration(100+random.IntN(500)) * time.Millisecond
		killer.Go(func() {
			time.Sleep(after) // the moment of the kill is the test's input
			_ = p.end(syscall.SIGKILL)
			killed()
		})
		for {
			seq, err := d.visit(ctx, sim.DefaultCitizen())
			if err != nil {
				break // killed, at whatever point it was
			}
			if accepted[seq] {
				t.Fatalf("sequence %d was given twice", seq)
			}
			accepted[seq] = true
		}
		killer.Wait()
	}

	last := d.start(t)
	eventually(t, "everything delivered", func() bool {
		var s outboxStat
		return d.client.GetJSON(t.Context(), "/v1/outbox", &s) == nil && s.Accepted > 0 && s.Accepted == s.Delivered
	})
	stored := h.sequences(t, d.name)
	highest := uint64(0)
	for seq, n := range stored {
		highest = max(highest, seq)
		if n != 1 {
			t.Errorf("the hub stores sequence %d %d times", seq, n)
		}
	}
	for seq := range accepted {
		if stored[seq] == 0 {
			t.Errorf("sequence %d was accepted and the hub does not have it", seq)
		}
	}
	report := h.report(t, d.name)
	if uint64(len(stored)) != highest || report.Highwater != highest || report.Rejected != 0 {
		t.Errorf("the hub stores %d records up to %d, with a gap; report %+v", len(stored), highest, report)
	}
	if len(accepted) < rounds {
		t.Errorf("only %d records were accepted in %d rounds: the test saw too little", len(accepted), rounds)
	}
	t.Logf("%d records accepted over %d kills, %d stored by the hub, %d duplicates refused", len(accepted), rounds, len(stored), report.Duplicates)
	if err := last.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, last.log.String())
	}
}

func TestDaemonWaitsForWhatIsNotThereAndEndsCleanly(t *testing.T) {
	h, hubProcess := startHub(t)
	d := newDesk(t, h, "scanner: {path: /dev/serial/by-id/none}\ncamera: {source: /nowhere}\ngate: {source: /nowhere, line: [1, 1, 2, 2]}\n")
	_ = hubProcess.end(syscall.SIGTERM) // a broker that is not there
	p := d.start(t)

	if _, err := d.visit(t.Context(), sim.DefaultCitizen()); err != nil {
		t.Fatalf("a visit without broker, scanner and camera: %v\n%s", err, p.log.String())
	}
	o := tram(t.Context(), "status", "--state", d.state, "--json")
	var s agent.Status
	o.decode(t, &s)
	if s.Hub.State != "offline" || s.Hub.Waiting != 1 {
		t.Errorf("hub: %+v", s.Hub)
	}
	eventually(t, "missing devices shown with a remedy", func() bool {
		tram(t.Context(), "status", "--state", d.state, "--json").decode(t, &s)
		failing := map[string]bool{}
		for _, c := range s.Health {
			if c.Status == "fail" && c.Remedy != "" {
				failing[c.ID] = true
			}
		}
		return failing["device.scanner"] && failing["device.camera"]
	})
	o = tram(t.Context(), "outbox", "stat", "--state", d.state, "--json")
	var stat outboxStat
	o.decode(t, &stat)
	if stat.Accepted != 1 || stat.Delivered != 0 || stat.Waiting != 1 || !stat.Daemon || stat.Oldest == nil {
		t.Errorf("outbox stat through the daemon: %+v", stat)
	}
	if o := tram(t.Context(), "run", "--config", d.config); o.code != exitFailed || !strings.Contains(o.err, "hint: stop the other daemon") {
		t.Errorf("a second daemon on the same folder: %v", o)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.log.String())
	}
	tram(t.Context(), "outbox", "stat", "--state", d.state, "--json").decode(t, &stat)
	if stat.Accepted != 1 || stat.Daemon {
		t.Errorf("outbox stat from the file: %+v", stat)
	}
	if o := tram(t.Context(), "outbox", "verify", "--state", d.state); o.code != exitDone {
		t.Errorf("outbox verify: %v", o)
	}
	for _, needle := range []string{sim.DefaultCitizen().IDCode, sim.DefaultCitizen().PersonName} {
		if strings.Contains(p.log.String(), needle) {
			t.Errorf("the log holds %q", needle)
		}
	}

	h.start(t)
	d.register(t, h)
	p = d.start(t)
	eventually(t, "the record delivered after the broker came back", func() bool {
		return d.client.GetJSON(t.Context(), "/v1/outbox", &stat) == nil && stat.Delivered == 1
	})
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.log.String())
	}
}
