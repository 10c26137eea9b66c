package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/sync/wire"
)

func TestAFileOfNumbersBecomesHashes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "who.csv")
	text := "\ufeffSố định danh,nhóm,từ,đến\n099099000017,Ca 1,2026-01-01,2026-12-31\n# a note\n098098000025\n\"B1234567\",,,2026-06-30T17:00:00+07:00\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	people, err := readAllowed(file)
	if err != nil || len(people) != 3 {
		t.Fatalf("got %d people, %v; want 3", len(people), err)
	}
	salt := bytes.Repeat([]byte{7}, wire.MinAllowSalt)
	list, err := hashAllowed(people, salt, wire.MinAllowRounds)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := wire.AllowHash("099099000017", salt, wire.MinAllowRounds)
	if !bytes.Equal(list[0].Hash, want[:]) || list[0].Group != "Ca 1" || list[0].Until.Format(time.DateTime) != "2026-12-31 23:59:59" || list[1].From != nil {
		t.Errorf("got %+v", list)
	}
	raw, err := json.Marshal(allowList{Version: 1, Salt: salt, Rounds: wire.MinAllowRounds, Entries: list})
	if err != nil || bytes.Contains(raw, []byte("099099000017")) || bytes.Contains(raw, []byte("B1234567")) {
		t.Errorf("a number leaves the hub: %v", err)
	}
}

func TestAWrongLineIsNamedAndNotShown(t *testing.T) {
	for name, text := range map[string]string{
		"no number":               "099099000017\n12,x\n",
		"a letter too many":       "09909900001?\n",
		"a day that is none":      "099099000017,,2026-13-01\n",
		"an end before the start": "099099000017,,2026-05-01,2026-04-01\n",
		"five fields":             "099099000017,a,,,b\n",
	} {
		file := filepath.Join(t.TempDir(), "who.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		people, err := readAllowed(file)
		if err == nil {
			_, err = hashAllowed(people, bytes.Repeat([]byte{7}, wire.MinAllowSalt), wire.MinAllowRounds)
		}
		if err == nil || strings.Contains(err.Error(), "09909900001") || !strings.ContainsAny(err.Error(), "12") {
			t.Errorf("%s: got %v, want its line and nothing of the number", name, err)
		}
	}
	if _, err := readAllowed(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
