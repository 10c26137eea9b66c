package inbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tram/sync/seal/rest"
	"tram/sync/wire"
)

func openInbox(t *testing.T, dir string, o Options) *Inbox {
	t.Helper()
	if o.Box == nil {
		box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
		if err != nil {
			t.Fatal(err)
		}
		o.Box = box
	}
	in, err := Open(filepath.Join(dir, "inbox.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}

func command(id string) wire.Command {
	return wire.Command{ID: id, Name: "notice", Data: json.RawMessage(`{"who":"Nguyễn Văn Thử"}`)}
}

func put(t *testing.T, in *Inbox, c wire.Command) {
	t.Helper()
	if err := in.Put(c); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, in *Inbox) string {
	t.Helper()
	c, ok, err := in.Next()
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return ""
	}
	return c.ID
}

func TestCommandsAreDoneOnceInTheirOrderAndAnswered(t *testing.T) {
	dir := t.TempDir()
	in := openInbox(t, dir, Options{})
	for _, id := range []string{"a", "b", "a"} {
		put(t, in, command(id))
	}
	if got := in.Highwater(); got != "b" {
		t.Errorf("Highwater = %q, want b", got)
	}
	if got := next(t, in); got != "a" {
		t.Errorf("Next = %q, want a", got)
	}
	if err := in.Answer("a", wire.Reply{OK: true, Text: "done"}); err != nil {
		t.Fatal(err)
	}
	if err := in.Answer("a", wire.Reply{}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a second answer: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}

	in = openInbox(t, dir, Options{}) // another start
	if got := next(t, in); got != "b" {
		t.Errorf("Next = %q, want b", got)
	}
	replies := in.Replies(10)
	if len(replies) != 1 || replies[0].ID != "a" || !replies[0].OK || replies[0].Text != "done" {
		t.Fatalf("Replies = %+v", replies)
	}
	if err := in.Replied("a"); err != nil || len(in.Replies(10)) != 0 {
		t.Errorf("Replied: %v, and %d replies wait", err, len(in.Replies(10)))
	}
	put(t, in, command("a"))
	if replies := in.Replies(10); len(replies) != 1 || replies[0].Text != "done" {
		t.Errorf("the same command again is answered with %+v, want its reply again", replies)
	}
	if got := next(t, in); got != "b" {
		t.Errorf("Next = %q: a command is done twice", got)
	}
}

func TestNothingOfACommandIsInClearOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	in := openInbox(t, dir, Options{})
	put(t, in, command("a"))
	if err := in.Answer("a", wire.Reply{Text: "Nguyễn"}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "inbox.db"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("Nguy")) {
		t.Error("the file holds a command's data in clear")
	}
}

func TestTheInboxIsBounded(t *testing.T) {
	in := openInbox(t, t.TempDir(), Options{Waiting: 2, Kept: 3})
	put(t, in, command("a"))
	put(t, in, command("b"))
	if err := in.Put(command("c")); !errors.Is(err, ErrFull) {
		t.Errorf("a third command of two: %v, want ErrFull", err)
	}
	for _, id := range []string{"a", "b"} {
		if err := in.Answer(id, wire.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		id := fmt.Sprint(i)
		put(t, in, command(id))
		if err := in.Answer(id, wire.Reply{OK: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(in.Replies(100)); got != 3 {
		t.Errorf("%d replies are kept, want 3", got)
	}
	put(t, in, command("a")) // so old that it is forgotten
	if got := next(t, in); got != "a" {
		t.Errorf("Next = %q, want a", got)
	}
}

func TestACommandThatIsTooLargeIsAnsweredAndNotDone(t *testing.T) {
	in := openInbox(t, t.TempDir(), Options{})
	large := command("d")
	large.Data = json.RawMessage(`"` + strings.Repeat("x", MaxCommand) + `"`)
	for range 2 {
		put(t, in, large)
		if got := next(t, in); got != "" {
			t.Errorf("Next = %q", got)
		}
		if r := in.Replies(5); len(r) != 1 || r[0].OK || r[0].Text == "" {
			t.Errorf("Replies = %+v", r)
		}
	}
}

func TestLargeRepliesAreCutAndNotKeptAfterTheyAreOut(t *testing.T) {
	in := openInbox(t, t.TempDir(), Options{})
	for id, size := range map[string]int{"a": MaxReply + 10, "b": 100 << 10} {
		put(t, in, command(id))
		if err := in.Answer(id, wire.Reply{OK: true, Data: json.RawMessage(`"` + strings.Repeat("x", size) + `"`)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range in.Replies(10) {
		if (r.Data == nil) != (r.ID == "a") {
			t.Errorf("reply %s has %d bytes of data, %q", r.ID, len(r.Data), r.Text)
		}
		if err := in.Replied(r.ID); err != nil {
			t.Fatal(err)
		}
	}
	put(t, in, command("b"))
	if replies := in.Replies(10); len(replies) != 1 || replies[0].Data != nil || replies[0].Text == "" || !replies[0].OK {
		t.Errorf("again: %+v", replies)
	}
}

func TestADamagedFileIsKeptAsideAndReplaced(t *testing.T) {
	dir := t.TempDir()
	in := openInbox(t, dir, Options{})
	put(t, in, command("a"))
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "inbox.db")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 0x5a
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	in = openInbox(t, dir, Options{})
	if in.Replaced() == "" {
		t.Error("Replaced does not name the file")
	}
	if _, err := os.Stat(in.Replaced()); err != nil {
		t.Error(err)
	}
	put(t, in, command("a"))
}

func TestCommandsOfALostKeyAreAnsweredAndDoNotBlockTheNext(t *testing.T) {
	dir := t.TempDir()
	in := openInbox(t, dir, Options{})
	put(t, in, command("a"))
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "rest.jwk")); err != nil {
		t.Fatal(err)
	}
	in = openInbox(t, dir, Options{})
	put(t, in, command("b"))
	if got := next(t, in); got != "b" {
		t.Errorf("Next = %q, want b", got)
	}
	if replies := in.Replies(10); len(replies) != 1 || replies[0].ID != "a" || replies[0].OK {
		t.Errorf("Replies = %+v, want a refused", replies)
	}
}

func TestChangesAreSignalled(t *testing.T) {
	in := openInbox(t, t.TempDir(), Options{})
	changed, stop := in.Changed()
	defer stop()
	put(t, in, command("a"))
	<-changed
	if err := in.Answer("a", wire.Reply{}); err != nil {
		t.Fatal(err)
	}
	<-changed
}

const asWriter = "TRAM_TEST_INBOX_WRITER"

// TestMain lets the test binary be a process that takes commands in until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(asWriter); dir != "" {
		box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
		if err != nil {
			panic(err)
		}
		in, err := Open(filepath.Join(dir, "inbox.db"), Options{Box: box})
		if err != nil {
			panic(err)
		}
		for i := 0; ; i++ {
			id := fmt.Sprintf("%d-%d", os.Getpid(), i)
			if err := in.Put(command(id)); err != nil {
				panic(err)
			}
			fmt.Println("in " + id)
			if err := in.Answer(id, wire.Reply{OK: true}); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

func TestAKilledProcessKeepsWhatItTookIn(t *testing.T) {
	dir := t.TempDir()
	taken := map[string]bool{}
	for range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asWriter+"="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			var id string
			if _, err := fmt.Fscanf(out, "in %s\n", &id); err != nil {
				t.Fatal(err)
			}
			taken[id] = true
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	in := openInbox(t, dir, Options{})
	known := map[string]bool{}
	for _, r := range in.Replies(1 << 20) {
		known[r.ID] = true
	}
	for id := next(t, in); id != ""; id = next(t, in) {
		known[id] = true
		if err := in.Answer(id, wire.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	for id := range taken {
		if !known[id] {
			t.Errorf("command %s was taken in and is lost", id)
		}
	}
}
