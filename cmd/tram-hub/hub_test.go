package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

func TestMain(m *testing.M) {
	if os.Getenv("TRAM_HUB_CHILD") != "" {
		main() // this test binary as tram-hub
		return
	}
	goleak.VerifyTestMain(m)
}

// command runs a command line within the test.
func command(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, terminal{&o, &e})
	return code, o.String(), e.String()
}

// process is tram-hub in a process of its own.
type process struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	addr   string
	exited chan struct{}
}

func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	_ = os.Remove(filepath.Join(dir, "listen"))
	p := &process{stderr: new(bytes.Buffer), exited: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], append([]string{"run", "--data", dir}, args...)...)
	p.cmd.Env = append(os.Environ(), "TRAM_HUB_CHILD=1")
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	hubtest.Until(t, "the hub is ready", func() bool {
		select {
		case <-p.exited:
			t.Fatalf("tram-hub ended: %s", p.stderr)
		default:
		}
		b, err := os.ReadFile(filepath.Join(dir, "listen"))
		p.addr = strings.TrimSpace(string(b))
		return err == nil && p.addr != ""
	})
	return p
}

func (p *process) end(sig syscall.Signal) {
	hubtest.End(p.cmd, p.exited, sig)
}

func TestCommandsSayWhatIsWrongAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.jwk")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"fly"}, exitUsage},
		{[]string{"run", "more"}, exitUsage},
		{[]string{"run", "--listen", "1883", "--data", dir}, exitUsage},
		{[]string{"run", "--mqtt", "nowhere", "--data", dir}, exitUsage},
		{[]string{"run", "--listen", "192.0.2.1:1", "--data", dir}, exitFailed},
		{[]string{"report", "--data", filepath.Join(dir, "no")}, exitNotThere},
		{[]string{"device"}, exitUsage},
		{[]string{"device", "add", "desk-1"}, exitUsage},
		{[]string{"device", "add", "desk/1", bad, "--data", dir}, exitUsage},
		{[]string{"device", "add", "desk-1", bad, "--data", dir}, exitFailed},
		{[]string{"device", "add", "desk-1", bad + "no", "--data", dir}, exitNotThere},
	} {
		code, out, errs := command(c.args...)
		if code != c.code || out != "" || !strings.HasPrefix(errs, "tram-hub: ") || !strings.Contains(errs, "\nhint: ") {
			t.Errorf("tram-hub %v: exit %d, want %d; it says %q", c.args, code, c.code, errs)
		}
	}
}

func TestKeyAndDeviceAddAndReport(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := command("key", "--data", dir)
	if _, err := seal.ParseHubKeys([]byte(out)); code != exitDone || err != nil {
		t.Fatalf("key: exit %d, %v, %s", code, err, errs)
	}
	public, err := hubtest.Key(t).Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "device.pub.jwk")
	if err := os.WriteFile(file, public, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command("device", "add", "desk-1", file, "--data", dir); code != exitDone {
		t.Errorf("device add: exit %d: %s", code, errs)
	}
	p := start(t, dir, "--listen", "127.0.0.1:0")
	code, out, errs = command("report", "--json", "--data", dir)
	if code != exitDone || out != "{\"devices\":[]}\n" {
		t.Errorf("report of a running hub: exit %d, %q, %s", code, out, errs)
	}
	begin := time.Now()
	p.end(syscall.SIGTERM)
	if code := p.cmd.ProcessState.ExitCode(); code != exitDone || time.Since(begin) > 5*time.Second {
		t.Errorf("SIGTERM: exit %d after %v: %s", code, time.Since(begin), p.stderr)
	}
	if !strings.Contains(p.stderr.String(), "tram-hub: ready on "+p.addr+"\n") {
		t.Errorf("no ready line on stderr: %s", p.stderr)
	}
	if code, out, errs := command("report", "--json", "--data", dir); code != exitDone || out != "{\"devices\":[]}\n" {
		t.Errorf("report of a stopped hub: exit %d, %q, %s", code, out, errs)
	}
}

// TestAHubThatIsKilledAgainAndAgainStoresEveryRecordOnce is the way from
// accepted to delivered with the hub, and its broker with it, killed in between.
func TestAHubThatIsKilledAgainAndAgainStoresEveryRecordOnce(t *testing.T) {
	dir := t.TempDir()
	const device = "desk-1"
	sealer := hubtest.Device(t, dir, device)
	store, err := outbox.Open(filepath.Join(t.TempDir(), "outbox.db"), outbox.Options{Source: wire.Source(device), Seal: sealer.Seal})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p := start(t, dir, "--listen", "127.0.0.1:0")
	u, err := uplink.New(uplink.Options{
		Broker: "tcp://" + p.addr, Site: "ward-7", Device: device, Store: store, BatchRecords: 3,
		BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond, AckTimeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = u.Run(ctx) })
	defer running.Wait()
	defer cancel()

	oracle := map[uint64]string{} // what was accepted, kept outside outbox and hub
	accept := func(n int) {
		for range n {
			r, err := store.Accept(ctx, outbox.Draft{Type: "vn.tram.test.v1", Data: "x"})
			if err != nil {
				t.Fatal(err)
			}
			oracle[r.Sequence] = r.ID
		}
	}
	for range 4 {
		before, err := store.Stat()
		if err != nil {
			t.Fatal(err)
		}
		accept(60)
		hubtest.Until(t, "some records are delivered", func() bool {
			st, err := store.Stat()
			return err == nil && st.Delivered > before.Delivered
		})
		accept(20)
		p.end(syscall.SIGKILL)
		accept(20)
		p = start(t, dir, "--listen", p.addr)
	}
	hubtest.Until(t, "every record is delivered", func() bool {
		st, err := store.Stat()
		return err == nil && st.Delivered == uint64(len(oracle))
	})
	r := hubtest.Report(t, dir, device)
	if r.Records != uint64(len(oracle)) || r.Highwater != r.Records || len(r.Missing) != 0 || r.Rejected != 0 || r.ChainBreaks != 0 {
		t.Errorf("report %+v, want %d records and nothing else", r, len(oracle))
	}
	code, out, errs := command("records", device, "--json", "--data", dir)
	if code != exitDone {
		t.Fatalf("records: exit %d: %s", code, errs)
	}
	lines := json.NewDecoder(strings.NewReader(out))
	for n := 0; n < len(oracle); n++ {
		var rec struct {
			Sequence uint64
			ID       string
		}
		if err := lines.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		if oracle[rec.Sequence] != rec.ID {
			t.Fatalf("record %d is stored as %s, accepted as %s", rec.Sequence, rec.ID, oracle[rec.Sequence])
		}
	}
	t.Logf("%d records, 4 kills, %d duplicates", len(oracle), r.Duplicates)
	if code, out, _ := command("report", "--data", dir); code != exitDone || !strings.Contains(out, fmt.Sprint(len(oracle))) {
		t.Errorf("report prints %q", out)
	}
}
