package keep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/sync/seal/rest"
	"tram/sync/wire"
)

func newStore(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	return Open(filepath.Join(dir, "kept"), box), dir
}

func TestAListIsReplacedByANewerOneOnly(t *testing.T) {
	s, dir := newStore(t)
	if list, err := s.Candidates(); err != nil || len(list) != 0 {
		t.Errorf("before the first: %v, %v", list, err)
	}
	one := Part{Version: 2, Entries: json.RawMessage(`[{"idCode":"099099000017","personName":"Nguyễn Văn Thử","room":"P1","seat":"7"}]`)}
	if n, whole, err := s.Put(Roster, one); err != nil || n != 1 || !whole {
		t.Fatalf("Put = %d, %v, %v", n, whole, err)
	}
	if n, whole, err := s.Put(Roster, one); err != nil || n != 1 || !whole {
		t.Errorf("the same again: %d, %v, %v", n, whole, err)
	}
	if _, _, err := s.Put(Roster, Part{Version: 1, Entries: json.RawMessage(`[]`)}); !errors.Is(err, ErrOlder) {
		t.Errorf("an older one: %v, want ErrOlder", err)
	}
	list, err := s.Candidates()
	if err != nil || len(list) != 1 || list[0].IDCode.Reveal() != "099099000017" || list[0].Seat != "7" {
		t.Fatalf("Candidates = %v, %v", list, err)
	}
	if s.Version(Roster) != 2 || s.Version(AllowList) != 0 {
		t.Errorf("versions %d and %d", s.Version(Roster), s.Version(AllowList))
	}
	raw, err := os.ReadFile(filepath.Join(dir, "kept", "roster.jwe"))
	if err != nil || bytes.Contains(raw, []byte("099099000017")) {
		t.Errorf("the file holds the number in clear, or: %v", err)
	}
	if text := fmt.Sprintf("%+v", list); bytes.Contains([]byte(text), []byte("0990")) {
		t.Errorf("a list prints persons: %s", text)
	}
}

func TestAListInPartsCountsWhenAllAreThere(t *testing.T) {
	s, _ := newStore(t)
	part := func(i int) Part {
		return allowPart(t, 5, i, 3, fmt.Sprintf("09909900001%d", i))
	}
	for _, i := range []int{3, 1, 1} {
		if _, whole, err := s.Put(AllowList, part(i)); err != nil || whole {
			t.Fatalf("part %d: %v, %v", i, whole, err)
		}
	}
	if list, err := s.Allowance(); err != nil || list.Version != 0 || len(list.Of("099099000011")) != 0 {
		t.Errorf("a list with a missing part counts: %v, %v", list, err)
	}
	if n, whole, err := s.Put(AllowList, part(2)); err != nil || !whole || n != 3 {
		t.Errorf("the last part: %d, %v, %v", n, whole, err)
	}
	list, err := s.Allowance()
	if err != nil || list.Entries != 3 || len(list.Of("099099000012")) != 1 || len(list.Of("099099000019")) != 0 || len(list.Of("")) != 0 {
		t.Errorf("Allowance = %+v, %v", list, err)
	}
	other := allowPart(t, 6, 1, 2, "099099000011")
	other.Salt = bytes.Repeat([]byte{9}, 16)
	if _, whole, err := s.Put(AllowList, allowPart(t, 6, 2, 2, "099099000012")); err != nil || whole {
		t.Fatal(err)
	}
	if _, whole, err := s.Put(AllowList, other); err != nil || whole {
		t.Errorf("parts with other salts make a list: %v, %v", whole, err)
	}
}

// allowPart is a part of an allow list of these numbers.
func allowPart(t *testing.T, version uint64, part, parts int, numbers ...string) Part {
	t.Helper()
	salt := []byte("0123456789abcdef")
	var lines []Allowed
	for _, n := range numbers {
		h, err := wire.AllowHash(n, salt, wire.MinAllowRounds)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, Allowed{Hash: h[:], Group: "Ca 1"})
	}
	raw, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	return Part{Version: version, Part: part, Parts: parts, Entries: raw, Salt: salt, Rounds: wire.MinAllowRounds}
}

func TestAnAllowListHoldsNoNumbers(t *testing.T) {
	s, _ := newStore(t)
	p := allowPart(t, 1, 0, 0, "099099000017")
	for name, change := range map[string]func(*Part){
		"numbers": func(p *Part) { p.Entries = json.RawMessage(`[{"idCode":"099099000017"}]`) },
		"no salt": func(p *Part) { p.Salt = nil }, "few rounds": func(p *Part) { p.Rounds = 1 },
		"a short hash": func(p *Part) { p.Entries = json.RawMessage(`[{"hash":"AAAA"}]`) },
	} {
		wrong := p
		change(&wrong)
		if _, _, err := s.Put(AllowList, wrong); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	if _, whole, err := s.Put(AllowList, p); err != nil || !whole {
		t.Fatal(err)
	}
	wrong := Part{Version: 1, Entries: json.RawMessage(`[]`), Salt: p.Salt}
	if _, _, err := s.Put(Roster, wrong); !errors.Is(err, ErrFormat) {
		t.Errorf("a roster with a salt: %v", err)
	}
}

// blank is a PNG so many pixels wide.
func blank(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, 1))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestANoticeHasABoundedPictureACodeAndAHotline(t *testing.T) {
	good := Notice{ID: "a", Kind: "contact", Text: map[string]string{"vi": "x"}, Title: map[string]string{"vi": "y"}, QR: "https://a.example/b", Phone: "113", Seconds: 10, Picture: blank(t, 1)}
	if !good.ok() {
		t.Error("a good notice is refused")
	}
	for name, change := range map[string]func(*Notice){
		"no picture":   func(n *Notice) { n.Picture = []byte("<svg onload=x>") },
		"half a one":   func(n *Notice) { n.Picture = n.Picture[:12] },
		"too wide":     func(n *Notice) { n.Picture = blank(t, MaxPictureSide+1) },
		"too large":    func(n *Notice) { n.Picture = append(blank(t, 1), make([]byte, MaxPicture)...) },
		"long code":    func(n *Notice) { n.QR = strings.Repeat("x", 501) },
		"control":      func(n *Notice) { n.QR = "a\x00b" },
		"phone":        func(n *Notice) { n.Phone = "call me" },
		"too long":     func(n *Notice) { n.Seconds = 301 },
		"kind":         func(n *Notice) { n.Kind = "loud" },
		"title's lang": func(n *Notice) { n.Title = map[string]string{"VI!": "x"} },
		"backwards":    func(n *Notice) { n.Start = time.Unix(2, 0); n.End = time.Unix(1, 0) },
	} {
		n := good
		change(&n)
		if n.ok() {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestWrongListsAreRefusedWithoutQuotingThem(t *testing.T) {
	s, _ := newStore(t)
	for _, p := range []Part{
		{Version: 0, Entries: json.RawMessage(`[]`)},
		{Version: 1, Part: 2, Parts: 1, Entries: json.RawMessage(`[]`)},
		{Version: 1, Part: 1, Parts: 99, Entries: json.RawMessage(`[]`)},
		{Version: 1, Entries: json.RawMessage(`null`)},
		{Version: 1, Entries: json.RawMessage(`[{"idCode":"0990990000"}]`)},
		{Version: 1, Entries: json.RawMessage(`[{"idCode":"099099000017","099099000017":1}]`)},
		{Version: 1, Entries: json.RawMessage(`{"a":1}`)},
	} {
		_, _, err := s.Put(Roster, p)
		if !errors.Is(err, ErrFormat) || bytes.Contains([]byte(err.Error()), []byte("0990")) {
			t.Errorf("%s: %v, want ErrFormat without the content", p.Entries, err)
		}
	}
}

func TestNoticesAreShownInTheirTimeAndAWrongClockWaitsForNoStart(t *testing.T) {
	s, _ := newStore(t)
	_, _, err := s.Put(Notices, Part{Version: 1, Entries: json.RawMessage(`[
		{"id":"now","kind":"info","text":{"vi":"Đang","en":"Now"}},
		{"id":"later","kind":"warning","text":{"vi":"Sau"},"start":"2030-01-01T00:00:00Z","end":"2030-02-01T00:00:00Z"}]`)})
	if err != nil {
		t.Fatal(err)
	}
	at := func(day string) time.Time {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		day   string
		clock bool
		want  int
	}{{"2029-12-31", true, 1}, {"2030-01-05", true, 2}, {"2030-02-01", true, 1}, {"1970-01-01", false, 2}, {"2030-02-01", false, 1}} {
		list, err := s.Notices()
		list = slices.DeleteFunc(list, func(n Notice) bool { return !n.Shown(at(c.day), c.clock) })
		if err != nil || len(list) != c.want {
			t.Errorf("%s, clock %v: %d notices, %v; want %d", c.day, c.clock, len(list), err, c.want)
		}
	}
}

func FuzzPut(f *testing.F) {
	f.Add(`[{"idCode":"099099000017"}]`)
	f.Add(`[{"id":"a","kind":"info","text":{"vi":"x"}}]`)
	f.Fuzz(func(_ *testing.T, text string) {
		for _, kind := range []Kind{Roster, AllowList, Notices} {
			_, _ = count(kind, json.RawMessage(text))
		}
	})
}
