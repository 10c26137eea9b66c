package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/agent"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/drivers/privacy"
	"tram/sync/seal/rest"
)

// registerCmd runs "tram register …" on a state folder and returns its exit code
// and what it printed.
func registerCmd(t *testing.T, state string, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"register", "--state", state}, args...), terminal{strings.NewReader(""), &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestTheRegisterIsLookedAfterFromTheCommandLine(t *testing.T) {
	state := t.TempDir()
	if code, _, _ := registerCmd(t, state, "ls"); code != exitNotThere {
		t.Errorf("without a register: exit %d, want %d", code, exitNotThere)
	}
	box, err := rest.LoadOrCreate(agent.RestKeyPath(state))
	if err != nil {
		t.Fatal(err)
	}
	r, err := register.Open(agent.RegisterPath(state), register.Options{Box: box, Policy: register.Policy{Keeps: []string{"idCode", "personName"}, Retain: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	e := visit.Entry{ID: "v1", Kind: register.Visits, Time: time.Now(), Number: privacy.New("099099000017"), Person: privacy.New(map[string]string{"personName": "Nguyễn Văn Thử", "idCode": "099099000017"})}
	if _, err := r.Begin(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := r.Done("v1", 1); err != nil {
		t.Fatal(err)
	}
	passage := visit.Entry{ID: "v2", Kind: register.Passages, Time: time.Now(), Number: privacy.New("099099000033"), Person: privacy.New(map[string]string{"personName": "Trần Thị Trong", "idCode": "099099000033"}), Answers: privacy.New(map[string]string{"direction": register.DirectionIn})}
	if _, err := r.Begin(t.Context(), passage); err != nil {
		t.Fatal(err)
	}
	if err := r.Done("v2", 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var rows []register.Row
	code, out, _ := registerCmd(t, state, "find", "099099000017", "--why", "their letter", "--json")
	if err := json.Unmarshal([]byte(out), &rows); code != exitDone || err != nil || len(rows) != 1 || rows[0].Number != "0990****0017" {
		t.Errorf("find: exit %d, %d rows, %v", code, len(rows), err)
	}
	if code, _, said := registerCmd(t, state, "delete", "v1"); code != exitUsage || !strings.Contains(said, "--why") {
		t.Errorf("delete without a reason: exit %d, %s", code, said)
	}
	csv := filepath.Join(state, "roster.csv")
	if err := os.WriteFile(csv, []byte("Số CCCD,Phòng thi\n099099000025,P1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"correct", "v1", "personName=Nguyễn Văn Đúng", "--why", "misread"}, exitDone, "ok"},
		{[]string{"export", "v1", "--why", "their letter"}, exitDone, "Nguyễn Văn Đúng"},
		{[]string{"hold", "v1", "--why", "order 12"}, exitDone, "ok"},
		{[]string{"delete", "v1", "--why", "their letter"}, exitFailed, ""},
		{[]string{"release", "v1", "--why", "order over"}, exitDone, "ok"},
		{[]string{"request", "delete", "v1"}, exitDone, "answerBy"},
		{[]string{"delete", "v1", "--why", "their letter"}, exitDone, "ok"},
		{[]string{"deletions"}, exitDone, `"why":"request"`},
		{[]string{"roster", csv}, exitDone, `"lines": 1`},
		{[]string{"absent"}, exitDone, `"room":"P1"`},
		{[]string{"requests", "--json"}, exitDone, `"kind": "delete"`},
		{[]string{"log", "--json"}, exitDone, `"what": "delete"`},
		{[]string{"verify", "--json"}, exitDone, `"chain": "ok"`},
		{[]string{"inside"}, exitDone, "Trần Thị Trong"},
		{[]string{"aggregate", "--json"}, exitDone, `"reason": {}`},
		{[]string{"sweep", "--json"}, exitDone, `"deleted": 0`},
	} {
		if code, out, said := registerCmd(t, state, c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit %d, want %d with %q\n%s%s", c.args, code, c.code, c.want, out, said)
		}
	}
}
