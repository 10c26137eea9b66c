package outbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tram/sync/seal"
	"tram/sync/wire"
)

// child is the process that the kill test kills: eight callers that accept
// records of every priority into a small outbox, one that acknowledges, one
// that compacts. It prints "SEQUENCE ID" after each Accept, and "ack SEQUENCE"
// before each acknowledgement.
func child() {
	dir := os.Getenv("TRAM_OUTBOX_CHILD")
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	key, err := seal.LoadOrCreateDeviceKey(filepath.Join(dir, "device.jwk"))
	fatal(err)
	hub, err := seal.LoadOrCreateHubKeys(dir)
	fatal(err)
	sealer, err := seal.NewSealer(key, hub.Encryption()[0].Public())
	fatal(err)
	s, err := Open(filepath.Join(dir, "outbox.db"), Options{Source: wire.Source(device), Seal: sealer.Seal, MaxBytes: 2 << 20})
	fatal(err)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for caller := range 8 {
		go func() {
			for i := 0; ; i++ {
				d := Draft{Type: "vn.tram.test.v1", Data: i}
				switch (i + caller) % 8 {
				case 0:
					d = Draft{Type: "vn.tram.visit.photo.v1", Data: noise(5000)}
				case 1:
					d = countDraft(i, "north")
				}
				r, err := s.Accept(context.Background(), d)
				if errors.Is(err, ErrFull) || r.Merged {
					continue
				}
				fatal(err)
				say("%d %s", r.Sequence, r.ID)
				if i%100 == 99 && r.Sequence > 300 {
					say("ack %d", r.Sequence-300)
					fatal(s.Acknowledge(wire.Ack{Highwater: r.Sequence - 300}))
				}
				if i%150 == 149 {
					fatal(s.Compact())
				}
			}
		}()
	}
	select {}
}

// TestCampaignKilledProcess kills the process at random moments. The oracle is
// what it said before: each accepted record is here under its number, was
// acknowledged, or is named in a signed record.
func TestCampaignKilledProcess(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, dir)
	oracle := map[uint64]string{}
	named := wire.Set{}
	acked := uint64(0)
	n := rounds(6, 200)
	for seed := range n {
		records := rand.New(rand.NewPCG(uint64(seed), 9)).IntN(1200)
		seen, last := killed(t, dir, records)
		for seq, id := range seen {
			if was := oracle[seq]; was != "" {
				t.Fatalf("seed %d: sequence %d was given out twice", seed, seq)
			}
			oracle[seq] = id
		}
		acked = max(acked, last)

		s, err := Open(filepath.Join(dir, "outbox.db"), d.options())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		accept(t, s, seed)
		settled(t, s)
		here := map[uint64]string{}
		events := opened(t, s, d)
		for _, e := range events {
			here[uint64(e.Sequence)] = e.ID
		}
		for _, r := range explained(t, events) {
			named = named.Add(r)
		}
		for seq, id := range oracle {
			switch got, ok := here[seq]; {
			case ok && got != id:
				t.Fatalf("seed %d: record %d is another one", seed, seq)
			case !ok && seq > acked && !named.Contains(wire.Range{First: seq, Last: seq}):
				t.Fatalf("seed %d: accepted record %d is lost", seed, seq)
			}
		}
		if gaps := named.Add(wire.Range{First: 1, Last: max(1, acked)}).Missing(); len(gaps) != 0 {
			t.Fatalf("seed %d: unexplained: %v", seed, gaps)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d accepted records, %d acknowledged, 0 lost, 0 unexplained", n, len(oracle), acked)
}

// killed runs the child until it has accepted so many records, kills it, and
// returns what it said.
func killed(t *testing.T, dir string, records int) (seen map[uint64]string, acked uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TRAM_OUTBOX_CHILD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen = map[uint64]string{}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == records {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		seq, id, _ := strings.Cut(lines.Text(), " ")
		if seq == "ack" {
			if number, err := strconv.ParseUint(id, 10, 64); err == nil {
				acked = max(acked, number)
			}
			continue
		}
		number, err := strconv.ParseUint(seq, 10, 64)
		if err != nil || len(id) != 20 {
			continue // the line that the kill cut
		}
		seen[number] = id
	}
	_ = cmd.Wait()
	return seen, acked
}
