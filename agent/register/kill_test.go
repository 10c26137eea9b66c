package register

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/sync/seal/rest"
)

const childEnv = "TRAM_REGISTER_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// child is the process that is killed: it plays visits and says what it did,
// each word after it lasts.
func child(dir string) {
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
	fatal(err)
	r, err := Open(filepath.Join(dir, "register.db"), Options{Box: box, Policy: Policy{Keeps: []string{"personName"}, Retain: time.Hour, Ticket: true}})
	fatal(err)
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d", os.Getpid(), i)
		ticket, err := r.Begin(context.Background(), person(id, Visits, an, nil))
		fatal(err)
		fmt.Printf("begin %s %s %s\n", id, ticket.At.In(Place).Format(time.DateOnly), ticket.Text)
		if i%3 == 2 {
			continue // as if the process ended before the queue had the record
		}
		fatal(r.Done(id, uint64(i+1)))
		fmt.Printf("done %s - -\n", id)
		if i%10 == 4 {
			fatal(r.Delete(context.Background(), "clerk", id, "test"))
			fmt.Printf("gone %s - -\n", id)
		}
	}
}

// TestAKilledProcessLosesNothingAndGivesNoTicketTwice kills a real process at
// different moments, rewriting the file among them.
func TestAKilledProcessLosesNothingAndGivesNoTicketTwice(t *testing.T) {
	dir := t.TempDir()
	state, tickets := map[string]string{}, map[string]string{}
	for round := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
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
			if n == 5+round*9 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			word := strings.Fields(lines.Text())
			if len(word) != 4 {
				continue // the line that the kill cut
			}
			state[word[1]] = word[0]
			if word[0] == "begin" {
				ticket := word[2] + " " + word[3]
				if other := tickets[ticket]; other != "" {
					t.Fatalf("ticket %s was given to %s and %s", ticket, other, word[1])
				}
				tickets[ticket] = word[1]
			}
		}
		_ = cmd.Wait()
	}
	d := open(t, dir, Policy{})
	if kept, _ := d.Replaced(); kept != "" {
		t.Fatal("the kill damaged the file")
	}
	pending := map[string]bool{}
	left, err := d.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		pending[e.ID] = len(e.Draft.Reveal()) > 0
	}
	lost := 0
	for id, was := range state {
		_, err := d.Export(t.Context(), "test", id, "check")
		here := err == nil
		switch {
		case was == "gone" && here:
			t.Errorf("%s was deleted and is here", id)
		case was == "done" && pending[id]:
			t.Errorf("%s was done and is pending", id)
		case was == "begin" && !here:
			lost++
		}
	}
	if lost > 0 || len(state) < 60 {
		t.Errorf("%d of %d entries are lost", lost, len(state))
	}
	if v, err := d.Verify(); err != nil || v.Chain != "ok" || v.Broken != 0 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}
