package privacytest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

var citizen = []Value{{"name", "Nguyễn Văn Thử"}, {"number", "099099000017"}, {"born", "15/01/1999"}}

// seed makes the noise the same in each run.
var seed = [32]byte([]byte("noise in which nobody is planted"))

// noise is random bytes around what is planted.
func noise(t *testing.T, source *rand.ChaCha8, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := source.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func packed(t *testing.T, make func(io.Writer) (io.WriteCloser, error), text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := make(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsPlantedIsFoundInEveryForm(t *testing.T) {
	name, number := citizen[0].Text, citizen[1].Text
	sentence := "a sentence that is long enough around " + name + " and " + number + " so that it compresses into something"
	u16 := func(text string) (le []byte) {
		for _, u := range utf16.Encode([]rune(text)) {
			le = append(le, byte(u), byte(u>>8))
		}
		return le
	}
	gz := packed(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, sentence)
	quoted, err := json.Marshal(map[string]string{"n": number})
	if err != nil {
		t.Fatal(err)
	}
	plants := map[string][]byte{
		"UTF-8": []byte(name), "NFD": []byte(norm.NFD.String(name)), "UTF-16": u16(name), "hex": []byte(hex.EncodeToString([]byte(name))),
		"base64": []byte(base64.StdEncoding.EncodeToString([]byte(name))), "base64 +1": []byte(base64.StdEncoding.EncodeToString([]byte("x" + name + "yz"))),
		"base64 +2": []byte(base64.URLEncoding.EncodeToString([]byte("xx" + name + "y"))), "URL": []byte(url.QueryEscape(name)), "path": []byte(url.PathEscape(name)),
		"JSON": quoted, "escaped": []byte(strconv.QuoteToASCII(name)), "without marks": []byte("NGUYEN<VAN<THU"), "reversed": []byte("710000990990"),
		"packed digits": {0x09, 0x90, 0x99, 0x00, 0x00, 0x17}, "ISO date": []byte("1999-01-15"), "date": []byte("19990115"),
		"gzip": gz, "gzip in base64": []byte(base64.StdEncoding.EncodeToString(gz)), "gzip in hex": []byte(hex.EncodeToString(gz)),
		"zlib":    packed(t, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }, sentence),
		"deflate": packed(t, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 9) }, sentence),
	}
	s, source := New(citizen...), rand.NewChaCha8(seed)
	t.Logf("seed %q", seed)
	for _, form := range slices.Sorted(maps.Keys(plants)) {
		plant := plants[form]
		data := append(append(append(noise(t, source, 3000), '"'), plant...), append([]byte{'"'}, noise(t, source, 500)...)...)
		if len(s.Search(data)) == 0 {
			t.Errorf("%s is not found", form)
		}
	}
}

func TestNoiseHoldsNobody(t *testing.T) {
	s, source := New(citizen...), rand.NewChaCha8(seed)
	t.Logf("seed %q", seed)
	data := noise(t, source, 100_000)
	data = append(data, base64.StdEncoding.EncodeToString(noise(t, source, 20_000))...)
	if found := s.Search(data); len(found) != 0 {
		t.Errorf("found in noise: %+v", found)
	}
}
