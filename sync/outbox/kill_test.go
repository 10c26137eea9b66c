package outbox

import (
	"bufio"
	"context"
	"fmt"
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

// child is the process that the kill test kills: it accepts records with eight
// callers and prints "SEQUENCE ID" after each Accept.
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
	hubs, err := seal.LoadOrCreateHubKeys(dir)
	fatal(err)
	sealer, err := seal.NewSealer(key, hubs.Encryption()[0].Public())
	fatal(err)
	s, err := Open(filepath.Join(dir, "outbox.db"), Options{Source: wire.Source(device), Seal: sealer.Seal})
	fatal(err)
	var mu sync.Mutex
	for range 8 {
		go func() {
			for i := 0; ; i++ {
				r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1", Data: i})
				fatal(err)
				mu.Lock()
				fmt.Printf("%d %s\n", r.Sequence, r.ID)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestNoAcceptedRecordIsLostWhenTheProcessIsKilled(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, dir)
	oracle := map[uint64]string{}
	for round, records := range []int{1, 40, 300, 1000} {
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
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == records {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			seq, id, _ := strings.Cut(lines.Text(), " ")
			number, err := strconv.ParseUint(seq, 10, 64)
			if err != nil || len(id) != 20 {
				continue // the line that the kill cut
			}
			oracle[number] = id
		}
		_ = cmd.Wait()

		s, err := Open(filepath.Join(dir, "outbox.db"), d.options())
		if err != nil {
			t.Fatal(err)
		}
		events := opened(t, s, d)
		for i, e := range events {
			if uint64(e.Sequence) != uint64(i+1) {
				t.Fatalf("round %d: record %d has sequence %d", round, i+1, e.Sequence)
			}
		}
		for seq, id := range oracle {
			if seq > uint64(len(events)) || events[seq-1].ID != id {
				t.Fatalf("round %d: accepted record %d is lost", round, seq)
			}
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d accepted seen, %d kept", round, len(oracle), len(events))
	}
}
