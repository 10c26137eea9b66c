package outbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tram/sync/wire"
)

func TestARecordGoesFromAcceptedToSentToDelivered(t *testing.T) {
	s, d, path := fresh(t)
	for i := 1; i <= 5; i++ {
		if r := accept(t, s, i); r.Sequence != uint64(i) || r.ID == "" {
			t.Fatalf("receipt %d is %+v", i, r)
		}
	}
	if events := opened(t, s, d); len(events) != 5 {
		t.Fatalf("%d records pending, want 5", len(events))
	}
	if err := s.MarkSent(3); err != nil {
		t.Fatal(err)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: 3, Missing: []wire.Range{{First: 2, Last: 2}}}); err != nil {
		t.Fatal(err)
	}
	for seq, want := range map[uint64]string{0: "", 1: Delivered, 2: Sent, 3: Delivered, 4: Accepted, 5: Accepted, 6: ""} {
		if got := s.State(seq); got != want {
			t.Errorf("State(%d) = %q, want %q", seq, got, want)
		}
	}
	check := func(s *Store) {
		t.Helper()
		st, err := s.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if st.Accepted != 5 || st.Sent != 3 || st.Delivered != 2 || st.Oldest.IsZero() || st.Bytes == 0 || st.Last != 5 {
			t.Errorf("Stat = %+v, want 5 accepted, 3 sent, 2 delivered", st)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path, d.options())
	check(again)
	if r := accept(t, again, 6); r.Sequence != 6 {
		t.Errorf("first record after reopening has sequence %d, want 6", r.Sequence)
	}
	if err := again.Verify(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestManyCallersShareEnvelopesAndGetContiguousSequences(t *testing.T) {
	s, d, _ := fresh(t)
	const callers, each = 50, 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]uint64{}
	for range callers {
		wg.Go(func() {
			for i := range each {
				r, err := s.Accept(context.Background(), draft(i))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids[r.ID] = r.Sequence
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	events := opened(t, s, d)
	if len(events) != callers*each || len(ids) != callers*each {
		t.Fatalf("%d records pending, %d receipts, want %d", len(events), len(ids), callers*each)
	}
	for i, e := range events {
		if uint64(e.Sequence) != uint64(i+1) || ids[e.ID] != uint64(e.Sequence) {
			t.Fatalf("record %d has sequence %d, its receipt says %d", i+1, e.Sequence, ids[e.ID])
		}
		if e.BootID == "" || e.Monotonic == 0 {
			t.Fatalf("record %d has no boot id or monotonic time", i+1)
		}
	}
	entries, err := s.List(0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) > callers*each/2 {
		t.Errorf("%d envelopes for %d records of %d callers: groups fall apart", len(entries), callers*each, callers)
	}
}

func TestNothingOfAPersonIsInTheFile(t *testing.T) {
	s, _, path := fresh(t)
	for i := range 20 {
		accept(t, s, i)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"099099000017", "Nguyễn Văn Thử", "Nguy\\u1ec5n"} {
		b := []byte(secret)
		for name, form := range map[string]string{
			"clear": secret, "hex": hex.EncodeToString(b), "base64": base64.StdEncoding.EncodeToString(b)[:len(b)/3*4],
			"utf-16": string(utf16(secret)),
		} {
			if bytes.Contains(raw, []byte(form)) {
				t.Errorf("the outbox's file holds a person's data (%s)", name)
			}
		}
	}
}

func utf16(s string) []byte {
	var out []byte
	for _, r := range s {
		out = append(out, byte(r), byte(r>>8))
	}
	return out
}

func TestAFullOutboxRefusesRecordsAndTakesThemAgainAfterAnAck(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, dir)
	o := d.options()
	o.MaxBytes = 1 << 20
	path := filepath.Join(dir, "outbox.db")
	s := open(t, path, o)
	big := Draft{Type: "vn.tram.test.v1", Data: strings.Repeat("x", 100)}
	var last uint64
	var err error
	for range 10_000 {
		var noise [30000]byte
		for i := range noise {
			noise[i] = byte(last*31 + uint64(i*i)>>3)
		}
		big.Data = noise[:]
		var r Receipt
		if r, err = s.Accept(context.Background(), big); err != nil {
			break
		}
		last = r.Sequence
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("filling the outbox ends with %v, want ErrFull", err)
	}
	if last < 10 {
		t.Fatalf("full after %d records", last)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > o.MaxBytes {
		t.Errorf("the file has %d bytes, %v; want at most %d", info.Size(), err, o.MaxBytes)
	}
	if _, err := s.Accept(context.Background(), big); !errors.Is(err, ErrFull) {
		t.Errorf("second refusal: %v, want ErrFull", err)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: last}); err != nil {
		t.Fatalf("an acknowledgement does not fit into a full outbox: %v", err)
	}
	r, err := s.Accept(context.Background(), big)
	if err != nil || r.Sequence != last+1 {
		t.Errorf("after the ack: sequence %d, %v; want %d", r.Sequence, err, last+1)
	}
	if events := opened(t, s, d); len(events) != 1 {
		t.Errorf("%d records pending, want 1", len(events))
	}
}

func TestAcknowledgementsOfAnotherOutboxFreeNothing(t *testing.T) {
	s, _, _ := fresh(t)
	accept(t, s, 1)
	for name, a := range map[string]wire.Ack{
		"a sequence never used": {Highwater: 9},
		"another envelope":      {Highwater: 1, Hash: wire.Hash{1}},
	} {
		if err := s.Acknowledge(a); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", name, err)
		}
	}
	if got := s.State(1); got != Accepted {
		t.Errorf("State(1) = %q, want %q", got, Accepted)
	}
}

func TestDraftsThatAreNoRecordsAreRefused(t *testing.T) {
	s, d, _ := fresh(t)
	ctx := context.Background()
	if _, err := s.Accept(ctx, Draft{Type: ""}); !errors.Is(err, ErrDraft) {
		t.Errorf("no type: %v, want ErrDraft", err)
	}
	if _, err := s.Accept(ctx, Draft{Type: "x", Data: make(chan int)}); !errors.Is(err, ErrDraft) {
		t.Errorf("data that is none: %v, want ErrDraft", err)
	}
	if _, err := s.Accept(ctx, Draft{Type: "x", Data: strings.Repeat("x", wire.MaxEventBytes)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too much data: %v, want ErrTooLarge", err)
	}
	if r := accept(t, s, 1); r.Sequence != 1 {
		t.Errorf("sequence %d after refusals, want 1", r.Sequence)
	}
	if n := len(opened(t, s, d)); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func TestAFailingSealRefusesTheRecordAndLeavesNoGap(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, dir)
	o := d.options()
	fails := true
	o.Seal = func(b []byte) ([]byte, error) {
		if fails {
			return nil, errors.New("no key")
		}
		return d.sealer.Seal(b)
	}
	s := open(t, filepath.Join(dir, "outbox.db"), o)
	if _, err := s.Accept(context.Background(), draft(1)); err == nil {
		t.Fatal("Accept without a seal succeeded")
	}
	fails = false
	if r := accept(t, s, 2); r.Sequence != 1 {
		t.Errorf("sequence %d, want 1", r.Sequence)
	}
}

func TestAClosedOutboxSaysSo(t *testing.T) {
	s, _, path := fresh(t)
	accept(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(context.Background(), draft(2)); !errors.Is(err, ErrClosed) {
		t.Errorf("Accept: %v, want ErrClosed", err)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Acknowledge: %v, want ErrClosed", err)
	}
	if _, err := s.Pending(0, 1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Pending: %v, want ErrClosed", err)
	}
	look := open(t, path, Options{ReadOnly: true})
	if st, err := look.Stat(); err != nil || st.Accepted != 1 {
		t.Errorf("read-only Stat = %+v, %v; want 1 accepted", st, err)
	}
	if _, err := look.Accept(context.Background(), draft(2)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Accept on a read-only outbox: %v, want ErrReadOnly", err)
	}
}

func TestAnOutboxInUseIsBusy(t *testing.T) {
	_, d, path := fresh(t)
	if _, err := Open(path, d.options()); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
}

func TestADrainedFileIsGivenBack(t *testing.T) {
	s, d, path := fresh(t)
	noise := make([]byte, 200_000)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	var last uint64
	for range 42 {
		r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1", Data: noise})
		if err != nil {
			t.Fatal(err)
		}
		last = r.Sequence
	}
	before, err := fileSize(path)
	if err != nil || before < compactFrom {
		t.Fatalf("the file has %d bytes, %v; the test wants more than %d", before, err, compactFrom)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: last - 1}); err != nil {
		t.Fatal(err)
	}
	accept(t, s, 1)
	eventually(t, "the drained file is given back", func() bool {
		after, err := fileSize(path)
		return err == nil && after <= before/4
	})
	if events := opened(t, s, d); len(events) != 2 {
		t.Errorf("%d records after compaction, want 2", len(events))
	}
}

func TestChangedWakesAWaiter(t *testing.T) {
	s, _, _ := fresh(t)
	changed, stop := s.Changed()
	defer stop()
	accept(t, s, 1)
	<-changed
	if err := s.MarkSent(1); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := s.Acknowledge(wire.Ack{Highwater: 1}); err != nil {
		t.Fatal(err)
	}
	<-changed
}
