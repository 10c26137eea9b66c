package qr_test

import (
	"bytes"
	"image"
	stddraw "image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tram/vision/qr"
)

const card = "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022"

// drawn runs an encoder of another make that writes one picture to its standard output.
func drawn(t *testing.T, input string, program string, args ...string) *image.Gray {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("needs %s, which is not installed: apt-get install qrencode python3-segno", program)
	}
	c := exec.Command(path, args...)
	c.Stdin = bytes.NewReader([]byte(input))
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, failure.Bytes())
	}
	img, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("%s %q: %v", program, args, err)
	}
	grey := image.NewGray(img.Bounds())
	stddraw.Draw(grey, grey.Rect, img, img.Bounds().Min, stddraw.Src)
	return grey
}

func want(t *testing.T, name string, img *image.Gray, content, text string) {
	t.Helper()
	got, err := qr.Find(img, forEver)
	if err != nil || len(got) != 1 || string(got[0].Bytes) != content || got[0].Text != text {
		t.Errorf("%s: got %q, %v; want %q and the text %q", name, got, err, content, text)
	}
}

func TestCodesOfQrencodeAreRead(t *testing.T) {
	for _, level := range []string{"L", "M", "Q", "H"} {
		for _, version := range []string{"0", "8", "12", "20", "33"} {
			img := drawn(t, card, "qrencode", "-8", "-l", level, "-v", version, "-s", "3", "-o", "-")
			want(t, level+version, img, card, card)
		}
	}
	for name, c := range map[string]struct {
		input, text string
		args        []string
	}{
		"digits":                  {"099099000017", "099099000017", nil},
		"capitals":                {"ID 099099000017/A", "ID 099099000017/A", nil},
		"digits, capitals, bytes": {"099099000017ABCDEFGHIJKLMNxyz|Thử", "099099000017ABCDEFGHIJKLMNxyz|Thử", nil},
		"Latin-1":                 {"caf\xe9", "café", []string{"-8"}},
		"Shift-JIS as bytes":      {"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x93\xfa\x96\x7b", "日本語の日本", []string{"-8"}},
		"any bytes":               {"\x00\x01\x80\xfe\xff", "\x00\x01\u0080þÿ", []string{"-8"}},
	} {
		want(t, name, drawn(t, c.input, "qrencode", append(c.args, "-s", "3", "-o", "-")...), c.input, c.text)
	}
	want(t, "kanji", drawn(t, "\x93\xfa\x96\x7bA1", "qrencode", "-k", "-s", "3", "-o", "-"), "日本A1", "日本A1")
	if got, err := qr.Find(drawn(t, "0990990", "qrencode", "-M", "-v", "3", "-l", "L", "-s", "6", "-o", "-"), forEver); err != nil || len(got) != 0 {
		t.Errorf("a Micro QR code: got %q %v, want none", got, err)
	}
}

// A text in several codes comes as its parts, one for each code.
func TestPartsOfATextAreReadEachForItself(t *testing.T) {
	program, err := exec.LookPath("qrencode")
	if err != nil {
		t.Skip("needs qrencode, which is not installed: apt-get install qrencode")
	}
	dir := t.TempDir()
	c := exec.Command(program, "-S", "-8", "-v", "3", "-l", "L", "-s", "4", "-o", filepath.Join(dir, "part.png"))
	c.Stdin = bytes.NewReader([]byte(card))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "part-*.png"))
	if len(files) < 2 {
		t.Fatalf("%d parts, want several", len(files))
	}
	var all []byte
	for _, file := range files {
		got, err := qr.Find(grey(t, file), forEver)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %d codes, %v", filepath.Base(file), len(got), err)
		}
		all = append(all, got[0].Bytes...)
	}
	if string(all) != card {
		t.Errorf("the parts are %q, want %q", all, card)
	}
}

func TestCodesOfSegnoAreRead(t *testing.T) {
	python := "/usr/bin/python3" // Debian's own, which sees Debian's packages
	if _, err := os.Stat(python); err != nil {
		t.Skip("needs python3-segno, which is not installed: apt-get install python3-segno")
	}
	if exec.Command(python, "-c", "import segno").Run() != nil {
		t.Skip("needs python3-segno, which is not installed: apt-get install python3-segno")
	}
	for name, c := range map[string]struct{ options, text, bytes, want string }{
		"UTF-8, named":          {"encoding='utf-8', eci=True", card, card, card},
		"UTF-8, not named":      {"encoding='utf-8', mode='byte', error='h'", card, card, card},
		"Latin-1":               {"encoding='iso-8859-1', mode='byte'", "é", "\xe9", "é"},
		"Shift-JIS, named":      {"encoding='shift-jis', eci=True, mode='byte'", "日本", "日本", "日本"},
		"kanji":                 {"mode='kanji'", "点茗", "点茗", "点茗"},
		"Chinese":               {"mode='hanzi'", "书读百遍", "书读百遍", "书读百遍"},
		"capitals":              {"mode='alphanumeric', version=7", "ABC 123", "ABC 123", "ABC 123"},
		"the largest that fits": {"version=40, error='l', mode='numeric'", "0123456789", "0123456789", "0123456789"},
	} {
		script := "import segno, sys\nsegno.make(sys.stdin.read(), micro=False, boost_error=False, " + c.options + ").save(sys.stdout.buffer, kind='png', scale=4)"
		want(t, name, drawn(t, c.text, python, "-c", script), c.bytes, c.want)
	}
}
