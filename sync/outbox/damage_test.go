package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// kept returns the files that were put aside.
func kept(t *testing.T, path string) []string {
	t.Helper()
	files, err := filepath.Glob(path + ".corrupt-*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// explained returns the set of sequences that are here or named in a signed record.
func explained(t *testing.T, events []wire.Event) wire.Set {
	t.Helper()
	var set wire.Set
	for _, e := range events {
		set = set.Add(wire.Range{First: uint64(e.Sequence), Last: uint64(e.Sequence)})
		if e.Type != wire.TypeDiscarded {
			continue
		}
		d, err := wire.ParseDiscarded(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range d.Ranges {
			set = set.Add(r)
		}
	}
	return set
}

func TestADamagedFileIsKeptAsideAndTheCountGoesOn(t *testing.T) {
	damage := map[string]func(b []byte) []byte{
		"cut in half":      func(b []byte) []byte { return b[:len(b)/2] },
		"cut to 100 bytes": func(b []byte) []byte { return b[:100] },
		"no meta pages":    func(b []byte) []byte { copy(b, make([]byte, 8192)); return b },
		"root overwritten": func(b []byte) []byte {
			for at := 8192; at < len(b); at += 4096 {
				if b[at+8] == 1 { // branch pages
					copy(b[at:], bytes.Repeat([]byte{0xff}, 512))
				}
			}
			copy(b[8:], []byte{0})
			copy(b[4096+16:], make([]byte, 64))
			copy(b[16:], make([]byte, 64))
			return b
		},
		"not a database": func([]byte) []byte { return bytes.Repeat([]byte("hello "), 5000) },
	}
	for name, how := range damage {
		t.Run(name, func(t *testing.T) {
			s, d, path := fresh(t)
			var last uint64
			for i := range 60 {
				last = accept(t, s, i).Sequence
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := how(b)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			again := open(t, path, d.options())
			files := kept(t, path)
			if len(files) != 1 {
				t.Fatalf("%d files kept aside, want 1", len(files))
			}
			if got, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(got, bad) {
				t.Errorf("the file kept aside is not the damaged one: %v", err)
			}
			r := accept(t, again, 1)
			if r.Sequence <= last {
				t.Errorf("the count goes on at %d, want above %d", r.Sequence, last)
			}
			events := opened(t, again, d)
			if missing := explained(t, events).Missing(); len(missing) != 0 {
				t.Errorf("unexplained: %v", missing)
			}
			if err := again.Verify(context.Background()); err != nil {
				t.Error(err)
			}
			t.Logf("%d of 60 records taken over", len(events)-2)
		})
	}
}

func TestAFileThatIsGoneOrOlderThanItsMarkNeverRepeatsASequence(t *testing.T) {
	s, d, path := fresh(t)
	accept(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, path, d.options())
	last := accept(t, s, 2).Sequence
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, d.options())
	r := accept(t, s, 3)
	if r.Sequence <= last {
		t.Errorf("after the file was removed: sequence %d, want above %d", r.Sequence, last)
	}
	if missing := explained(t, opened(t, s, d)).Missing(); len(missing) != 0 {
		t.Errorf("unexplained: %v", missing)
	}
	m := mark{Source: wire.Source(device), Reserved: 50_000}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.write(path); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, d.options())
	if r := accept(t, s, 4); r.Sequence <= 50_000 {
		t.Errorf("with a file older than its mark: sequence %d, want above 50000", r.Sequence)
	}
	if missing := explained(t, opened(t, s, d)).Missing(); len(missing) != 0 {
		t.Errorf("unexplained: %v", missing)
	}
}

func TestAnEnvelopeWhoseBytesChangedIsSetAsideAndNamed(t *testing.T) {
	s, d, path := fresh(t)
	for i := range 10 {
		accept(t, s, i)
	}
	records, err := s.Pending(4, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	victim := records[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; ; { // every copy of it, current or free
		at := bytes.Index(b[from:], victim.Sealed)
		if at < 0 {
			break
		}
		b[from+at+50] ^= 1
		from += at + 1
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, d.options())
	if err := s.Verify(context.Background()); !errors.Is(err, ErrChain) {
		t.Errorf("Verify: %v, want ErrChain", err)
	}
	if _, err := s.Pending(0, 100, 1<<20); err != nil {
		t.Fatal(err)
	}
	accept(t, s, 10)
	settled(t, s)
	events := opened(t, s, d)
	if missing := explained(t, events).Missing(); len(missing) != 0 || len(events) != 11 {
		t.Errorf("%d records, unexplained %v; want 11 and none", len(events), missing)
	}
	if st, err := s.Stat(); err != nil || st.Accepted != 12 || st.Delivered != 0 || st.Discarded != 1 {
		t.Errorf("Stat = %+v, %v; want 12 accepted, 1 discarded", st, err)
	}
	if got := s.State(victim.Sequence); got != Discarded {
		t.Errorf("State(%d) = %q, want %q", victim.Sequence, got, Discarded)
	}
}

func TestASmallerQuotaRefusesRecordsAndLosesNone(t *testing.T) {
	for _, damage := range []bool{false, true} {
		s, d, path := fresh(t)
		var last uint64
		for range 24 {
			r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1", Data: noise(90_000)})
			if err != nil {
				t.Fatal(err)
			}
			last = r.Sequence
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if size, err := fileSize(path); err != nil || size < 2<<20 {
			t.Fatalf("the file has %d bytes, %v; the test wants more than two quotas", size, err)
		}
		if damage {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(make([]byte, 8192), 0); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if damage { // as a kill leaves it
			if err := (mark{Source: wire.Source(device), Reserved: last + 500}).write(path); err != nil {
				t.Fatal(err)
			}
		}
		o := d.options()
		o.MaxBytes = 1 << 20
		s, err := Open(path, o)
		if err != nil {
			t.Fatalf("damage %v: an outbox above its quota does not open: %v", damage, err)
		}
		if _, err := s.Accept(context.Background(), draft(1)); !errors.Is(err, ErrFull) {
			t.Errorf("damage %v: Accept above the quota: %v, want ErrFull", damage, err)
		}
		if n := len(opened(t, s, d)); n < int(last) {
			t.Errorf("damage %v: %d records, want %d", damage, n, last)
		}
		if err := s.Acknowledge(wire.Ack{Highwater: last}); err != nil {
			t.Errorf("damage %v: Acknowledge above the quota: %v", damage, err)
		}
		if _, err := s.Accept(context.Background(), draft(1)); err != nil {
			t.Errorf("damage %v: Accept after draining: %v", damage, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatBboltStumblesOverIsReplacedAtTheNextStart(t *testing.T) {
	s, d, path := fresh(t)
	last := accept(t, s, 1).Sequence
	err := s.change(func(*bolt.Tx, *head) error { panic("page 34 already freed") })
	if !errors.Is(err, boltfile.ErrDamaged) {
		t.Fatalf("a panic of bbolt: %v, want ErrDamaged", err)
	}
	if _, err := s.Accept(context.Background(), draft(2)); !errors.Is(err, boltfile.ErrDamaged) {
		t.Errorf("Accept after it: %v, want ErrDamaged", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, d.options())
	if n := len(kept(t, path)); n != 1 {
		t.Errorf("%d files kept aside, want 1", n)
	}
	if r := accept(t, s, 3); r.Sequence <= last {
		t.Errorf("the count goes on at %d, want above %d", r.Sequence, last)
	}
	settled(t, s)
	events := opened(t, s, d)
	if missing := explained(t, events).Missing(); len(missing) != 0 || uint64(events[0].Sequence) != last {
		t.Errorf("unexplained %v; first record %d, want %d taken over", missing, events[0].Sequence, last)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if source, err := SourceOf(path); err != nil || source != wire.Source(device) {
		t.Errorf("SourceOf = %q, %v", source, err)
	}
}

func TestSumsOfCountsInADamagedFileAreNamedAsLost(t *testing.T) {
	s, d, path := small(t)
	fill(t, s, Identity, 8000)
	merged := 0
	for i := range 50 {
		r, err := s.Accept(context.Background(), countDraft(i, "north"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Merged {
			merged++
		}
	}
	st, err := s.Stat()
	if err != nil || st.Sums != 1 || merged == 0 {
		t.Fatalf("%d sums, %d counts merged, %v", st.Sums, merged, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[:2*os.Getpagesize()]) // both meta pages
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	o := d.options()
	o.MaxBytes = 64 << 20
	again := open(t, path, o)
	settled(t, again)
	said := ""
	for _, e := range opened(t, again, d) {
		if e.Type == wire.TypeDiscarded {
			if c, err := wire.ParseDiscarded(e.Data); err == nil && c.Reason == wire.ReasonDamaged {
				said += c.Text
			}
		}
	}
	if want := fmt.Sprintf("at most %d in 1 sums are lost", merged); !strings.Contains(said, want) {
		t.Errorf("the signed record says %q, want %q", said, want)
	}
}
