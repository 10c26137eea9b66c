package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/hub/store"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// member is one tram-hub process of several.
type member struct {
	cmd    *exec.Cmd
	ready  chan struct{}
	exited chan struct{}
}

// startMember starts tram-hub in a process of its own.
func startMember(t *testing.T, args ...string) *member {
	t.Helper()
	m := &member{ready: make(chan struct{}), exited: make(chan struct{})}
	m.cmd = exec.Command(os.Args[0], append([]string{"run"}, args...)...)
	m.cmd.Env = append(os.Environ(), "TRAM_HUB_CHILD=1")
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(stderr)
		ready := false
		for lines.Scan() {
			if !ready && strings.HasPrefix(lines.Text(), "tram-hub: ready") {
				ready = true
				close(m.ready)
			}
			if os.Getenv("TRAM_TEST_LOG") != "" {
				fmt.Fprintln(os.Stderr, lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
		_ = m.cmd.Wait() // killed, or stopped: either is as ordered
		close(m.exited)
	}()
	t.Cleanup(func() { m.end(syscall.SIGKILL) })
	return m
}

func (m *member) isReady(t *testing.T) {
	t.Helper()
	hubtest.Until(t, "the hub is ready", func() bool {
		select {
		case <-m.ready:
			return true
		case <-m.exited:
			t.Fatal("tram-hub ended at once")
		default:
		}
		return false
	})
}

func (m *member) end(sig syscall.Signal) {
	hubtest.End(m.cmd, m.exited, sig)
}

// desk is a device with an oracle outside it: what was accepted, by sequence.
type desk struct {
	name   string
	store  *outbox.Store
	oracle map[uint64]string
}

// startDesk runs a device until ctx ends.
func startDesk(ctx context.Context, t *testing.T, running *sync.WaitGroup, dir, broker, name string) *desk {
	t.Helper()
	sealer := hubtest.Device(t, dir, name)
	st, err := outbox.Open(filepath.Join(t.TempDir(), "outbox.db"), outbox.Options{Source: wire.Source(name), Seal: sealer.Seal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	keys, err := seal.LoadHubKeys(filepath.Join(dir, hub.PublicFile))
	if err != nil {
		t.Fatal(err)
	}
	o := uplink.Options{
		Broker: broker, Site: "ward-7", Device: name, Store: st, BatchRecords: 5, Log: slog.New(slog.DiscardHandler),
		BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond, AckTimeout: 2 * time.Second,
	}
	o.About = wire.Status{Format: seal.Format}
	o.Open = func(kind string, payload []byte) ([]byte, bool, error) {
		return seal.OpenHubMessage(kind, name, payload, keys, nil)
	}
	o.Seal = sealer.SealAs
	u, err := uplink.New(o)
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _ = u.Run(ctx) })
	return &desk{name, st, map[uint64]string{}}
}

func (d *desk) accept(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for range n {
		r, err := d.store.Accept(ctx, outbox.Draft{Type: "vn.tram.test.v1", Data: "x"})
		if err != nil {
			t.Fatal(err)
		}
		d.oracle[r.Sequence] = r.ID
	}
}

// campaignSeconds is how long a campaign goes on: short, unless TRAM_CAMPAIGN
// is "long" or a number of seconds.
func campaignSeconds(short int) time.Duration {
	if os.Getenv("TRAM_CAMPAIGN") == "long" {
		return 5 * time.Minute
	}
	if n, err := strconv.Atoi(os.Getenv("TRAM_CAMPAIGN")); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return time.Duration(short) * time.Second
}

// campaignSeed is TRAM_SEED or a fixed one.
func campaignSeed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("TRAM_SEED"), 10, 64); err == nil {
		return n
	}
	return 20260921
}

// TestCampaignSeveralHubsShareABrokerAndADatabaseAndAnyMayBeKilled is the oracle's word
// against the database's: every accepted record exactly once, no gap.
func TestCampaignSeveralHubsShareABrokerAndADatabaseAndAnyMayBeKilled(t *testing.T) {
	mosquitto := hubtest.StartMosquitto(t)
	postgres := hubtest.StartPostgres(t, "fsync=off")
	dsn := postgres.Database()
	dir := t.TempDir()
	if _, err := hub.LoadKeys(dir); err != nil {
		t.Fatal(err)
	}
	start := func() *member { return startMember(t, "--data", dir, "--postgres", dsn, "--mqtt", mosquitto.URL) }
	members := []*member{start(), start(), start()}
	for _, m := range members {
		m.isReady(t)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var desks []*desk
	for i := range 6 {
		desks = append(desks, startDesk(ctx, t, &running, dir, mosquitto.URL, fmt.Sprintf("desk-%d", i+1)))
	}
	seed := campaignSeed()
	random := rand.New(rand.NewPCG(seed, 1))
	kills := 0
	for end := time.Now().Add(campaignSeconds(4)); time.Now().Before(end) || kills < 6; {
		for _, d := range desks {
			d.accept(ctx, t, random.IntN(12))
		}
		if random.IntN(3) > 0 {
			continue
		}
		i := random.IntN(len(members))
		members[i].end(syscall.SIGKILL)
		kills++
		members[i] = start()
		if random.IntN(2) == 0 { // sometimes two are away at once
			members[i].isReady(t)
		}
	}
	total := 0
	for _, d := range desks {
		total += len(d.oracle)
		hubtest.Until(t, d.name+" has delivered everything", func() bool {
			st, err := d.store.Stat()
			return err == nil && st.Delivered == st.Accepted
		})
	}
	compare(t, hub.Place{Data: dir, Postgres: dsn}, desks)
	rows := postgres.Count(dsn, `SELECT count(*) FROM tram_hub.records WHERE type = 'vn.tram.test.v1'`)
	if rows != int64(total) {
		t.Errorf("%d rows of records, %d were accepted", rows, total)
	}
	t.Logf("seed %d: %d hubs, %d devices, %d records, %d kills", seed, len(members), len(desks), total, kills)
}

// compare holds what devices accepted against what the store has.
func compare(t *testing.T, p hub.Place, desks []*desk) {
	t.Helper()
	report, err := p.Report(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]store.Device{}
	for _, r := range report.Devices {
		told[r.Device] = r
	}
	for _, d := range desks {
		r := told[d.name]
		if len(r.Missing) != 0 || r.Rejected != 0 || r.ChainBreaks != 0 || r.Mismatches != 0 || r.Records != r.Highwater {
			t.Errorf("report %+v, want records without gap", r)
		}
		left := len(d.oracle)
		last := uint64(0)
		err := p.Records(context.Background(), d.name, func(rec store.Record) error {
			if rec.Sequence <= last {
				return fmt.Errorf("record %d after %d", rec.Sequence, last)
			}
			last = rec.Sequence
			if id, ok := d.oracle[rec.Sequence]; ok {
				left--
				if id != rec.ID {
					return fmt.Errorf("record %d is stored as %s, accepted as %s", rec.Sequence, rec.ID, id)
				}
			}
			return nil
		})
		if err != nil || left != 0 {
			t.Errorf("%s: %d records are not stored: %v", d.name, left, err)
		}
	}
}
