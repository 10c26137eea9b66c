package camera_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"io"
	"slices"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/testdata"
)

// footage is a real street or square, by the rate at which it was taken.
type footage struct {
	name string
	rate float64
}

var streets = []footage{{"people/PETS09-S2L1/img1", 7}, {"people/TUD-Campus/TUD-Campus.mp4", 25}, {"people/OTB-Crossing/img", 25}}

// spoil does to a frame what a fault of the camera does.
type spoil func(m *gocv.Mat)

// few are enough frames to play a fault with.
const few = 40

// thumbnails are those of all frames, or of a few that are spoilt.
func thumbnails(t *testing.T, f footage, do spoil) (list [][]byte, width, height int) {
	t.Helper()
	c, err := camera.Open(context.Background(), testdata.Shared(t, f.name), camera.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, small := gocv.NewMat(), gocv.NewMat()
	defer func() { _ = m.Close(); _ = small.Close() }()
	for {
		if err := c.Next(context.Background(), &m); errors.Is(err, io.EOF) || do != nil && len(list) == few {
			return list, width, height
		} else if err != nil {
			t.Fatal(err)
		}
		width, height = m.Cols(), m.Rows()
		if do != nil {
			do(&m)
		}
		list = append(list, slices.Clone(camera.Thumbnail(m, &small)))
	}
}

// projector shows thumbnails to a watch at their own rate, in a time of its own.
type projector struct {
	w             *condition.Watch
	at            time.Time
	step          time.Duration
	width, height int
}

// show plays the list from its beginning, round and round, until a time is over or
// a code is told, and says how long that took.
func (p *projector) show(t *testing.T, list [][]byte, limit time.Duration, until condition.Code) (time.Duration, condition.Code) {
	t.Helper()
	began := p.at
	for i := 0; p.at.Sub(began) < limit; i++ {
		p.at = p.at.Add(p.step)
		if err := p.w.See(condition.Sample{At: p.at, Stamp: -1, Width: p.width, Height: p.height, Grey: list[i%len(list)]}); err != nil {
			t.Fatal(err)
		}
		if code := p.w.Report().Code; code == until || until == "" && code.Bad() {
			return p.at.Sub(began), code
		}
	}
	return p.at.Sub(began), p.w.Report().Code
}

func start(f footage, width, height int, recorded bool) *projector {
	return &projector{
		w: condition.New(condition.Options{Width: width, Height: height, Rate: f.rate, Recorded: recorded}), at: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		step: time.Duration(float64(time.Second) / f.rate), width: width, height: height,
	}
}

// Nothing is wrong with the cameras that took them, frame by frame as from a live
// camera, nor over three minutes in which they repeat themselves.
func TestRealFramesRaiseNoAlarm(t *testing.T) {
	for _, f := range streets {
		list, w, h := thumbnails(t, f, nil)
		length := time.Duration(float64(len(list)) / f.rate * float64(time.Second))
		if at, code := start(f, w, h, false).show(t, list, length, ""); code.Bad() {
			t.Errorf("%s: %s after %v of its own frames", f.name, code, at)
		}
		if at, code := start(f, w, h, true).show(t, list, 3*time.Minute, ""); code.Bad() {
			t.Errorf("%s: %s after %v", f.name, code, at)
		}
		t.Logf("%s: %d frames", f.name, len(list))
	}
}

func light(times, more float64) spoil {
	return func(m *gocv.Mat) { m.ConvertToWithParams(m, -1, float32(times), float32(more)) }
}

// unfocused spreads each point over a hundredth of the picture's width.
func unfocused(m *gocv.Mat) {
	sigma := float64(m.Cols()) / 100
	gocv.GaussianBlur(*m, m, image.Pt(0, 0), sigma, sigma, gocv.BorderReflect101)
}

// shadow leaves nothing but the light that comes through a hand.
func shadow(m *gocv.Mat) {
	size := image.Pt(m.Cols(), m.Rows())
	gocv.Resize(*m, m, image.Pt(3, 2), 0, 0, gocv.InterpolationArea)
	gocv.Resize(*m, m, size, 0, 0, gocv.InterpolationLinear)
}

// behind hides a share of the picture's width.
func behind(share float64) spoil {
	return func(m *gocv.Mat) {
		gocv.Rectangle(m, image.Rect(0, 0, int(share*float64(m.Cols())), m.Rows()), color.RGBA{70, 80, 90, 0}, -1)
	}
}

// Each fault is told of each of the real scenes, and taken back when it is over.
func TestFaultsOfRealFramesAreTold(t *testing.T) {
	for _, f := range streets {
		good, w, h := thumbnails(t, f, nil)
		still := [][]byte{good[len(good)/2]}
		for _, fault := range []struct {
			name   string
			list   [][]byte
			do     spoil
			within time.Duration
			want   condition.Code
		}{
			{"a cap on the lens", nil, light(0.03, 0), 4 * time.Second, condition.Black},
			{"night", nil, light(0.15, 0), 11 * time.Second, condition.TooDark},
			{"the sun in the lens", nil, light(2, 120), 11 * time.Second, condition.TooBright},
			{"a hand before the lens", nil, shadow, 6 * time.Second, condition.Covered},
			{"a cupboard before two thirds", nil, behind(0.7), 36 * time.Second, condition.Covered},
			{"out of focus", nil, unfocused, 21 * time.Second, condition.Blurred},
			{"the same frame for ever", still, nil, 11 * time.Second, condition.Frozen},
		} {
			p := start(f, w, h, fault.want != condition.Frozen)
			p.show(t, good, time.Minute, "")
			list := fault.list
			if fault.want == condition.Frozen {
				p = start(f, w, h, false)
				p.show(t, good, time.Duration(len(good))*p.step, "")
			}
			if list == nil {
				list, _, _ = thumbnails(t, f, fault.do)
			}
			took, code := p.show(t, list, fault.within, fault.want)
			if code != fault.want {
				t.Errorf("%s, %s: %q after %v, want %s; %+v", f.name, fault.name, code, took, fault.want, p.w.Report().Measures)
				continue
			}
			if took < time.Second {
				t.Errorf("%s, %s: told after %v already", f.name, fault.name, took)
			}
			if back, code := p.show(t, good, 8*time.Second, condition.OK); code != condition.OK {
				t.Errorf("%s, %s: still %q %v after it is over", f.name, fault.name, code, back)
			}
		}
	}
}
