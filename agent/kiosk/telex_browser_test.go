package kiosk_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What the screen's keyboard makes of some 1100 words of Vietnamese, typed in
// several orders, with doubled keys and in capitals, beside what another engine
// makes of the same keys.
func TestTheScreensTelexTypesAsUniKeyDoes(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/telex.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var keys, want []string
	for line := range strings.Lines(string(table)) {
		k, w, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if ok && !strings.HasPrefix(k, "#") {
			keys, want = append(keys, k), append(want, w)
		}
	}
	if len(keys) < 1000 {
		t.Fatalf("the table has %d words", len(keys))
	}
	list, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := openScreen(t, newStation(), 1024, 768)
	got := await[[]string](s, "const { telex } = await import('/assets/js/telex.js'); return "+string(list)+".map((keys) => telex(keys));")
	wrong := 0
	for i, k := range keys {
		if got[i] != want[i] {
			wrong++
			t.Errorf("%s: got %s, UniKey gives %s", k, got[i], want[i])
		}
	}
	t.Logf("%d of %d words are typed as with UniKey", len(keys)-wrong, len(keys))
}
