package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tram/sync/wire"
)

// rounds returns how many rounds a campaign has: short in every run of the
// tests, long with TRAM_CAMPAIGN=long.
func rounds(short, long int) int {
	if os.Getenv("TRAM_CAMPAIGN") == "long" {
		return long
	}
	return short
}

// seedFrom is where a campaign begins: TRAM_SEED repeats what one found.
func seedFrom() int {
	n, _ := strconv.Atoi(os.Getenv("TRAM_SEED"))
	return n
}

// mixed fills an outbox with records of every priority, some delivered, and
// returns the ids by sequence.
func mixed(t *testing.T, s *Store, random *rand.Rand, n int) map[uint64]string {
	t.Helper()
	ids := map[uint64]string{}
	for i := range n {
		d := draft(i)
		switch random.IntN(5) {
		case 0:
			d = countDraft(i, "north")
		case 1:
			d = Draft{Type: "vn.tram.visit.photo.v1", Data: seeded(random, random.IntN(9000))}
		case 2:
			d = Draft{Type: "vn.tram.gate.passed.v1", Data: i}
		}
		r, err := s.Accept(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		ids[r.Sequence] = r.ID
	}
	return ids
}

// seeded is data that does not compress: n bytes.
func seeded(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.IntN(256))
	}
	return b
}

// harm damages a file in one of several ways.
func harm(b []byte, random *rand.Rand) (bad []byte, how string) {
	at := random.IntN(len(b))
	switch random.IntN(5) {
	case 0:
		n := 1 + random.IntN(8)
		for range n {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
		return b, fmt.Sprintf("%d bits flipped", n)
	case 1:
		return b[:at], fmt.Sprintf("cut to %d bytes", at)
	case 2:
		page := b[at/4096*4096:]
		copy(page, make([]byte, min(len(page), 4096)))
		return b, "a page of zeros"
	case 3:
		page, other := b[at/4096*4096:], b[random.IntN(len(b))/4096*4096:]
		copy(page[:min(4096, len(page))], other)
		return b, "a page over another"
	}
	n := min(len(b)-at, 1+random.IntN(20_000))
	copy(b[at:], seeded(random, n))
	return b, fmt.Sprintf("%d bytes of noise", n)
}

// TestCampaignDamagedFiles damages the file of an outbox and opens it again.
// The oracle is the list of what was accepted: each record is delivered, still
// here under its number, or named in a signed record.
func TestCampaignDamagedFiles(t *testing.T) {
	n, faults, taken, records := rounds(25, 3000), 0, 0, 0
	for seed := seedFrom(); seed < n; seed++ {
		random := rand.New(rand.NewPCG(uint64(seed), 4))
		func() {
			dir, err := os.MkdirTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			d := newDesk(t, dir)
			path := filepath.Join(dir, "outbox.db")
			s, err := Open(path, d.options())
			if err != nil {
				t.Fatal(err)
			}
			ids := mixed(t, s, random, 20+random.IntN(60))
			delivered := uint64(random.IntN(20))
			if err := s.Acknowledge(wire.Ack{Highwater: delivered}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad, how := harm(b, random)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			o := d.options()
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			s, err = Open(path, o)
			if err != nil {
				t.Fatalf("seed %d, %s: Open: %v", seed, how, err)
			}
			defer func() {
				if err := s.Close(); err != nil || t.Failed() {
					t.Fatalf("seed %d, %s: Close: %v\n%s", seed, how, err, log.String())
				}
			}()
			if _, err := s.Pending(0, 1<<20, 1<<30); err != nil { // finds what changed
				t.Fatalf("seed %d, %s: Pending: %v", seed, how, err)
			}
			r := accept(t, s, 1)
			settled(t, s)
			here := map[uint64]string{}
			events := opened(t, s, d)
			for _, e := range events {
				here[uint64(e.Sequence)] = e.ID
			}
			known := explained(t, events)
			for seq, id := range ids {
				span := wire.Range{First: seq, Last: seq}
				if got, ok := here[seq]; ok && got != id {
					t.Errorf("seed %d, %s: sequence %d is used twice", seed, how, seq)
				} else if !ok && seq > delivered && !known.Contains(span) {
					t.Errorf("seed %d, %s: record %d is lost without a word", seed, how, seq)
				}
				if _, ok := here[seq]; ok {
					taken++
				}
			}
			if seq := r.Sequence; ids[seq] != "" {
				t.Errorf("seed %d, %s: the next record got sequence %d, which is taken", seed, how, seq)
			}
			faults, records = faults+1, records+len(ids)
		}()
	}
	t.Logf("%d faults, %d records, %d taken over or untouched, 0 unexplained", faults, records, taken)
}

// mounted mounts a small file system of a kind on a folder.
func mounted(t *testing.T, kind string, bytes int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root: run this test with sudo")
	}
	dir := t.TempDir()
	args := []string{"-t", "tmpfs", "-o", fmt.Sprintf("size=%d", bytes), "tmpfs", dir}
	if kind == "ext4" {
		image := filepath.Join(t.TempDir(), "disk.img")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, int64(bytes)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", image).CombinedOutput(); err != nil {
			t.Skipf("mkfs.ext4 (package e2fsprogs) makes no file system here: %v %s", err, out)
		}
		args = []string{"-o", "loop", image, dir}
	}
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Skipf("no %s can be mounted here (a container without CAP_SYS_ADMIN or loop devices?): %v %s", kind, err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// TestCampaignFullDisk fills a real file system under an outbox, again and
// again: records are refused with a reason, none that was accepted is lost, and
// it goes on when there is room.
func TestCampaignFullDisk(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			dir := mounted(t, kind, 8<<20)
			d := newDesk(t, t.TempDir())
			path := filepath.Join(dir, "outbox.db")
			s := open(t, path, d.options())
			ids := map[uint64]string{}
			ballast := filepath.Join(dir, "ballast")
			refused, delivered := 0, uint64(0)
			n := rounds(4, 200)
			for seed := range n {
				random := rand.New(rand.NewPCG(uint64(seed), 7))
				fillDisk(t, ballast, random.IntN(64<<10))
				for full := 0; full < 5; {
					r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1", Data: seeded(random, 100+random.IntN(60_000))})
					var why *FullError
					switch {
					case errors.As(err, &why):
						if why.Reason != FullDisk || !errors.Is(err, syscall.ENOSPC) {
							t.Fatalf("seed %d: refused with %+v", seed, why)
						}
						full++
						refused++
					case err != nil:
						t.Fatalf("seed %d: %v", seed, err)
					default:
						ids[r.Sequence] = r.ID
					}
				}
				if random.IntN(2) == 0 { // a restart on a full disk
					if err := s.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
						t.Fatalf("seed %d: Close: %v", seed, err)
					}
				}
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
				if again, err := Open(path, d.options()); err == nil {
					s = again
					t.Cleanup(func() { _ = again.Close() })
				} else if !errors.Is(err, ErrLocked) {
					t.Fatalf("seed %d: Open: %v", seed, err)
				}
				ids[accept(t, s, seed).Sequence] = "any"
				here := map[uint64]string{}
				events := opened(t, s, d)
				for _, e := range events {
					here[uint64(e.Sequence)] = e.ID
				}
				for seq, id := range ids {
					if got, ok := here[seq]; seq > delivered && (!ok || id != "any" && got != id) {
						t.Fatalf("seed %d: accepted record %d is lost", seed, seq)
					}
				}
				for i := 1; i < len(events); i++ {
					if events[i].Sequence != events[i-1].Sequence+1 {
						t.Fatalf("seed %d: a gap before %d", seed, events[i].Sequence)
					}
				}
				if err := s.Verify(context.Background()); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				delivered = uint64(events[len(events)-1].Sequence)
				if err := s.Acknowledge(wire.Ack{Highwater: delivered}); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%s: %d times full, %d records refused, %d accepted, 0 lost", kind, n, refused, len(ids))
		})
	}
}

// fillDisk writes a file until the disk is full, then leaves room bytes.
func fillDisk(t *testing.T, path string, room int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, chunk := int64(0), make([]byte, 64<<10)
	for {
		n, err := f.Write(chunk)
		size += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(max(0, size-int64(room))); err != nil {
		t.Fatal(err)
	}
}
