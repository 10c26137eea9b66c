package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Portrait draws the invented person of a seed as an ID card shows one: 360×480
// pixels, from the front, before a light background.
func Portrait(seed int64) image.Image {
	return newPerson(seed).model().render(look{
		width: 360, height: 480, cx: 180, cy: 222, scale: 134,
		light: unit(-0.25, -0.45, 0.9), lamp: 0.62, sky: 0.5,
		cast: rgb{1, 1, 1}, back: rgb{0.90, 0.93, 0.97}, backEdge: rgb{0.80, 0.85, 0.91},
		grain: 0.012, blur: 1, seed: uint64(seed),
	})
}

// PortraitJPEG is Portrait encoded as the chip would hold it, 15 to 30 kB.
func PortraitJPEG(seed int64) []byte {
	draw, _ := portraits.LoadOrStore(seed, sync.OnceValue(func() []byte { return JPEG(Portrait(seed), 88) }))
	return slices.Clone(draw.(func() []byte)())
}

// portraits remembers what was drawn: a face takes most of a second, and the same
// few are asked for again and again.
var portraits sync.Map // seed to func() []byte

// Visitor draws n frames, 640×480 pixels, of the person of a seed before a
// kiosk's camera: other light than the portrait's, another distance, a head that
// moves a little, a sensor that is not the best.
func Visitor(seed int64, n int) []image.Image {
	m := newPerson(seed).model()
	r := rand.New(rand.NewPCG(uint64(seed), 0x76697369)) //nolint:gosec // drawing, not security
	side := math.Copysign(1, r.Float64()-0.5)
	scale := 92 + 20*r.Float64()
	frames := make([]image.Image, n)
	for i := range frames {
		t := float64(i) * 0.9
		frames[i] = m.render(look{
			width: 640, height: 480, cx: 318 + 14*math.Sin(t*0.7), cy: 232 + 5*math.Sin(t*1.1), scale: scale * (1 + 0.02*math.Sin(t*0.5)),
			yaw: 0.16*side*math.Cos(t*0.6) + 0.02, roll: 0.05 * math.Sin(t*0.8+1), nod: 0.06 * math.Sin(t*0.9),
			light: unit(0.55*side, -0.35, 0.8), lamp: 0.60, sky: 0.38,
			cast: rgb{1.04, 0.99, 0.90}, back: rgb{0.52, 0.55, 0.53}, backEdge: rgb{0.33, 0.34, 0.36},
			grain: 0.045, blur: 1, seed: uint64(seed)*1000 + uint64(i),
		})
	}
	return frames
}

func unit(x, y, z float64) [3]float64 {
	n := math.Sqrt(x*x + y*y + z*z)
	return [3]float64{x / n, y / n, z / n}
}

// JPEG encodes an image that was drawn here; quality is 1 to 100.
func JPEG(img image.Image, quality int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic("picture: encode a drawn image: " + err.Error()) // a bytes.Buffer takes every write, the sizes are ours
	}
	return b.Bytes()
}

// WriteFrames writes the frames as frame-0000.jpg, frame-0001.jpg, … into dir,
// which it makes when it is not there.
func WriteFrames(dir string, frames []image.Image) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of frames: %w", err)
	}
	for i, f := range frames {
		if err := writeFrame(dir, i, f); err != nil {
			return err
		}
	}
	return nil
}

func writeFrame(dir string, i int, f image.Image) error {
	name := filepath.Join(dir, fmt.Sprintf("frame-%04d.jpg", i))
	if err := os.WriteFile(name, JPEG(f, 90), 0o644); err != nil { //nolint:gosec // a drawn picture is nobody's secret
		return fmt.Errorf("write frame %d: %w", i, err)
	}
	return nil
}

// DefaultSeed is the seed of the demonstration's citizen, OtherSeed that of
// somebody whom a face comparison must not take for that citizen: the pinned
// networks give the two 0.28, the same person before the camera 0.93 or more.
// Other pairs of seeds are not that far apart: drawn faces are more alike than people are.
const (
	DefaultSeed = 1
	OtherSeed   = 5
)
