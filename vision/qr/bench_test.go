package qr_test

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

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
	{"zbarimg", []string{"-q", "--raw", "--oneshot", "-Sbinary"}},
	{"ZXingReader", []string{"-1", "-bytes"}},
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
			tell(b, took, read, wrong)
		})
		for _, r := range readers {
			b.Run("of="+r.name+"/"+kind, func(b *testing.B) { benchOther(b, r, shots) })
		}
	}
}

func tell(b *testing.B, took []time.Duration, read, wrong int) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // says nothing: pictures differ
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*9/10].Microseconds())/1000, "ms-p90")
	b.ReportMetric(float64(read), fmt.Sprintf("read-of-%d", benchShots))
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
		case shot.Text != "" && bytes.Contains(out, []byte(shot.Text)):
			read++
		default:
			wrong++
		}
	}
	tell(b, took, read, wrong)
}
