package main

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"tram/agent"
	"tram/drivers/sim"
	"tram/sync/outbox"
)

func TestTheQueueIsLookedAtThroughTheDaemonAndInItsFile(t *testing.T) {
	h, hubProcess := startHub(t)
	d := newDesk(t, h, "")
	_ = hubProcess.end(syscall.SIGTERM) // so that everything waits
	p := d.start(t)
	for range 3 {
		if _, err := d.visit(t.Context(), sim.DefaultCitizen()); err != nil {
			t.Fatal(err)
		}
	}
	look := func(where string) {
		t.Helper()
		for limit, want := range map[string]int{"2": 2, "1000": 3} {
			o := tram(t.Context(), "outbox", "ls", "--limit", limit, "--state", d.state, "--json")
			lines := strings.Fields(strings.TrimSpace(o.out))
			if o.code != exitDone || len(lines) != want {
				t.Fatalf("outbox ls --limit %s, %s: want %d envelopes, got %v", limit, where, want, o)
			}
			var e outbox.Entry
			if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || e.First != 1 || e.Bytes == 0 || e.State != outbox.Accepted {
				t.Errorf("outbox ls, %s: first envelope %+v, %v", where, e, err)
			}
		}
		var verdict agent.QueueVerdict
		o := tram(t.Context(), "outbox", "verify", "--state", d.state, "--json")
		if o.decode(t, &verdict); o.code != exitDone || verdict.Chain != "ok" {
			t.Errorf("outbox verify, %s: %v", where, o)
		}
	}
	look("through the daemon")
	var size agent.QueueCompacted
	o := tram(t.Context(), "outbox", "compact", "--state", d.state, "--json")
	if o.decode(t, &size); o.code != exitDone || size.Before == 0 || size.After == 0 || size.After > size.Before {
		t.Errorf("outbox compact: %+v, %v", size, o)
	}
	look("through the daemon, compacted")
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.log.String())
	}
	look("in the file")
	if o := tram(t.Context(), "outbox", "compact", "--state", d.state); o.code != exitNotThere || !strings.Contains(o.err, "only the daemon compacts") {
		t.Errorf("outbox compact without a daemon: want exit 4, got %v", o)
	}
}
