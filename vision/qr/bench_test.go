package qr_test

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"tram/testdata"
	"tram/vision/qr"
	"tram/vision/qr/qrtest"
)

// benchShots is how many pictures of each kind are looked at. Their seeds are not those of the tests.
const benchShots = 100

// reader is a program of another make, with the arguments before the picture's.
type reader struct {
	name string
	args []string
}

var readers = []reader{
	{"zbarimg", []string{"-q", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", "-Sbinary"}},
	{"ZXingReader", []string{"-format", "QRCode", "-bytes"}},
}

// BenchmarkFind reads drawn codes on cards held by hand (1280×720, 2 to 4 pixels a module), on cards held
// badly (slanted, bent, turned, out of focus, smeared, in glare, shadow or the dark, noisy, with ink that
// ran or did not), and pictures of such cards without a code; beside it, on the same pictures, the readers of other makes that are
// installed. Their time is that of a whole process and includes loading the picture.
func BenchmarkFind(b *testing.B) {
	for _, kind := range []string{"card", "held", "empty"} {
		var shots []qrtest.Shot
		for i := range uint64(benchShots) {
			shot := qrtest.Shot{}
			switch ways := qrtest.Handlings(); kind {
			case "card":
				shot = qrtest.Card(1000 + i)
			case "held":
				shot = qrtest.Held(ways[i%uint64(len(ways))], 1000+i)
			default:
				shot.Picture = qrtest.Empty(1000 + i)
			}
			shots = append(shots, shot)
		}
		b.Run("of=tram/"+kind, func(b *testing.B) {
			var took []time.Duration
			var read, wrong int
			for i := 0; i < max(b.N, benchShots); i++ { // each picture at least once
				shot := shots[i%benchShots]
				begin := time.Now()
				codes, err := qr.Find(shot.Picture, forEver)
				took = append(took, time.Since(begin))
				if err != nil {
					b.Fatal(err)
				}
				if i >= benchShots {
					continue
				}
				for _, c := range codes {
					if string(c.Bytes) == shot.Text {
						read++
					} else {
						wrong++
					}
				}
			}
			tell(b, took, len(shots), read, wrong)
		})
		for _, r := range readers {
			b.Run("of="+r.name+"/"+kind, func(b *testing.B) { benchOther(b, r, shots) })
		}
	}
}

func tell(b *testing.B, took []time.Duration, of, read, wrong int) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // says nothing: pictures differ
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*9/10].Microseconds())/1000, "ms-p90")
	b.ReportMetric(float64(read), fmt.Sprintf("read-of-%d", of))
	b.ReportMetric(float64(wrong), "wrong")
}

func benchOther(b *testing.B, r reader, shots []qrtest.Shot) {
	program, err := exec.LookPath(r.name)
	if err != nil {
		b.Skipf("%s is not installed", r.name)
	}
	file := filepath.Join(b.TempDir(), "shot.png")
	var took []time.Duration
	var read, wrong int
	for _, shot := range shots {
		var picture bytes.Buffer
		if err := png.Encode(&picture, shot.Picture); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, picture.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		out, _ := exec.Command(program, append(slices.Clone(r.args), file)...).Output() // it exits with an error when there is none
		took = append(took, time.Since(begin))
		switch out = bytes.TrimSuffix(out, []byte("\n")); {
		case len(out) == 0:
		case holds(out, shot.Text):
			read++
		default:
			wrong++
		}
	}
	tell(b, took, len(shots), read, wrong)
}

// holds tells whether a reader's output has the text in it, in one of the character sets of the pictures.
func holds(out []byte, text string) bool {
	if text == "" {
		return false
	}
	for _, set := range []encoding.Encoding{encoding.Nop, japanese.ShiftJIS, charmap.ISO8859_1} {
		if want, err := set.NewEncoder().Bytes([]byte(text)); err == nil && bytes.Contains(out, want) {
			return true
		}
	}
	return false
}

// BenchmarkSets counts the codes read of each of ZXing's sets whose text is the expected one, by each reader. What
// is wrong there may be the text file: see TestTheZXingSetsAreRead.
func BenchmarkSets(b *testing.B) {
	root := testdata.Shared(b, "qr/zxing")
	sets, _ := filepath.Glob(filepath.Join(root, "*"))
	for _, set := range sets {
		var shots []qrtest.Shot
		files, _ := filepath.Glob(filepath.Join(set, "*.png"))
		for _, file := range files {
			text, err := os.ReadFile(strings.TrimSuffix(file, ".png") + ".txt")
			if err != nil { // else there is none: the picture holds no code, or several
				text, _ = os.ReadFile(strings.TrimSuffix(file, ".png") + ".bin")
			}
			shots = append(shots, qrtest.Shot{Picture: grey(b, file), Text: string(bytes.TrimSpace(text))})
		}
		b.Run("of=tram/"+filepath.Base(set), func(b *testing.B) {
			var took []time.Duration
			var read, wrong int
			for _, shot := range shots {
				begin := time.Now()
				codes, err := qr.Find(shot.Picture, forEver)
				took = append(took, time.Since(begin))
				if err != nil {
					b.Fatal(err)
				}
				switch is := func(c qr.Code) bool { return strings.TrimSpace(c.Text) == shot.Text }; {
				case len(codes) == 0:
				case slices.ContainsFunc(codes, is):
					read++
				default:
					wrong++
				}
			}
			tell(b, took, len(shots), read, wrong)
		})
		for _, r := range readers {
			b.Run("of="+r.name+"/"+filepath.Base(set), func(b *testing.B) { benchOther(b, r, shots) })
		}
	}
}
