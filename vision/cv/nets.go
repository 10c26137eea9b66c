package cv

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/models"
	"tram/vision/people"
)

// leastScore is what a network's person must reach to be seen at all; the
// tracker starts tracks only from its own, higher bar.
const leastScore = 0.2

// netDetector finds people with one of the pinned networks.
type netDetector struct {
	net    *network
	find   func(net *network, frame gocv.Mat) ([]people.Detection, error)
	called string
}

func (d *netDetector) detect(frame gocv.Mat) ([]people.Detection, error) {
	found, err := d.find(d.net, frame)
	if err != nil {
		return nil, err
	}
	return people.Suppress(found, 0.55), nil
}
func (d *netDetector) name() string          { return d.called }
func (d *netDetector) model() vision.ModelID { return d.net.id }
func (d *netDetector) close()                {}

// detectorNamed makes the detector of a name; "" and "default" need no file.
func (s *server) detectorNamed(name string) (detector, error) {
	kinds := map[string]struct {
		model string
		find  func(*network, gocv.Mat) ([]people.Detection, error)
	}{
		"nanodet": {models.NanoDet, nanodet}, "yolox": {models.YOLOX, yolox}, "fastestdet": {models.FastestDet, fastestdet},
	}
	if name == "" || name == "default" {
		return newUnaided()
	}
	k, ok := kinds[name]
	if !ok {
		return nil, fmt.Errorf("%w: no detector %q; there are default, nanodet, yolox and fastestdet", vision.ErrQuestion, name)
	}
	net, err := s.nets.get(k.model)
	if err != nil {
		return nil, err
	}
	return &netDetector{net: net, find: k.find, called: name}, nil
}

// letterbox shrinks or enlarges frame into size×size from the upper left corner
// and fills the rest with a shade. It returns the scale.
func letterbox(frame gocv.Mat, into *gocv.Mat, size int, fill uint8) float64 {
	k := float64(size) / float64(max(frame.Cols(), frame.Rows()))
	w, h := min(size, max(1, int(float64(frame.Cols())*k))), min(size, max(1, int(float64(frame.Rows())*k)))
	gocv.Resize(frame, into, image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
	gocv.CopyMakeBorder(*into, into, 0, size-h, 0, size-w, gocv.BorderConstant, color.RGBA{fill, fill, fill, 0})
	return k
}

// yolox reads YOLOX-nano: for each cell of three grids a box, how sure it is an
// object, and 80 classes of which person is the first.
func yolox(net *network, frame gocv.Mat) ([]people.Detection, error) {
	const size, width = 416, 85
	in := gocv.NewMat()
	defer in.Close()
	k := letterbox(frame, &in, size, 114)
	blob := gocv.BlobFromImage(in, 1, image.Pt(size, size), gocv.NewScalar(0, 0, 0, 0), false, false)
	defer blob.Close()
	out, err := net.forward(blob, "output")
	if err != nil {
		return nil, err
	}
	v := out[0]
	var found []people.Detection
	row := 0
	for _, stride := range []int{8, 16, 32} {
		cells := size / stride
		for y := range cells {
			for x := range cells {
				if (row+1)*width > len(v) {
					return nil, fmt.Errorf("%w: output of %s is too short", vision.ErrFailed, net.id.Name)
				}
				r := v[row*width : (row+1)*width]
				row++
				score := float64(r[4] * r[5])
				if score < leastScore {
					continue
				}
				s := float64(stride)
				cx, cy := (float64(r[0])+float64(x))*s, (float64(r[1])+float64(y))*s
				w, h := math.Exp(float64(r[2]))*s, math.Exp(float64(r[3]))*s
				found = append(found, people.Detection{Box: people.Box{X: (cx - w/2) / k, Y: (cy - h/2) / k, W: w / k, H: h / k}, Score: score})
			}
		}
	}
	return found, nil
}

// nanodet reads NanoDet-Plus: for each cell of three grids 80 classes and, for
// each side of the box, a distribution over eight distances.
func nanodet(net *network, frame gocv.Mat) ([]people.Detection, error) {
	const size, classes, bins = 416, 80, 8
	in, scaled := gocv.NewMat(), gocv.NewMat()
	defer in.Close()
	defer scaled.Close()
	k := letterbox(frame, &in, size, 0)
	blob, err := nanodetInput(in, size)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	out, err := net.forward(blob, net.outputs()...)
	if err != nil {
		return nil, err
	}
	if len(out) != 6 && len(out) != 8 {
		return nil, fmt.Errorf("%w: %s has %d outputs", vision.ErrFailed, net.id.Name, len(out))
	}
	var found []people.Detection
	for level := range len(out) / 2 {
		stride := 8 << level
		cells := (size + stride - 1) / stride
		class, box := out[2*level], out[2*level+1]
		if len(class) != cells*cells*classes || len(box) != cells*cells*4*bins {
			return nil, fmt.Errorf("%w: level %d of %s has %d and %d numbers", vision.ErrFailed, level, net.id.Name, len(class), len(box))
		}
		for i := range cells * cells {
			score := float64(class[i*classes])
			if score < leastScore {
				continue
			}
			var d [4]float64
			for side := range d {
				d[side] = expectation(box[(i*4+side)*bins:(i*4+side+1)*bins]) * float64(stride)
			}
			cx := float64(i%cells)*float64(stride) + 0.5*float64(stride-1)
			cy := float64(i/cells)*float64(stride) + 0.5*float64(stride-1)
			found = append(found, people.Detection{Box: people.Box{X: (cx - d[0]) / k, Y: (cy - d[1]) / k, W: (d[0] + d[2]) / k, H: (d[1] + d[3]) / k}, Score: score})
		}
	}
	return found, nil
}

// nanodetInput normalises as the network was trained.
func nanodetInput(in gocv.Mat, size int) (gocv.Mat, error) {
	mean := [3]float32{103.53, 116.28, 123.675}
	deviation := [3]float32{57.375, 57.12, 58.395}
	return blobOf(in, size, size, func(values []float32, pixels []byte) {
		for c := range 3 {
			plane := values[c*size*size : (c+1)*size*size]
			scale := 1 / deviation[c]
			for i := range plane {
				plane[i] = (float32(pixels[3*i+c]) - mean[c]) * scale
			}
		}
	})
}

// expectation is the mean of a distribution given by its logits.
func expectation(logits []float32) float64 {
	top := float64(logits[0])
	for _, l := range logits {
		top = math.Max(top, float64(l))
	}
	var sum, weighted float64
	for i, l := range logits {
		p := math.Exp(float64(l) - top)
		sum += p
		weighted += p * float64(i)
	}
	return weighted / sum
}

// fastestdet reads FastestDet: one grid of 22×22 with an objectness, a box and 80 classes.
func fastestdet(net *network, frame gocv.Mat) ([]people.Detection, error) {
	const size, grid, planes = 352, 22, 85
	blob := gocv.BlobFromImage(frame, 1.0/255, image.Pt(size, size), gocv.NewScalar(0, 0, 0, 0), false, false)
	defer blob.Close()
	out, err := net.forward(blob, net.outputs()...)
	if err != nil {
		return nil, err
	}
	v := out[0]
	if len(v) != grid*grid*planes {
		return nil, fmt.Errorf("%w: output of %s has %d numbers", vision.ErrFailed, net.id.Name, len(v))
	}
	const n = grid * grid
	fw, fh := float64(frame.Cols()), float64(frame.Rows())
	var found []people.Detection
	for i := range n {
		score := fastestScore(float64(v[i]), float64(v[5*n+i]))
		if !(score >= leastScore) {
			continue
		}
		cx := (float64(i%grid) + math.Tanh(float64(v[n+i]))) / grid * fw
		cy := (float64(i/grid) + math.Tanh(float64(v[2*n+i]))) / grid * fh
		w, h := sigmoid(float64(v[3*n+i]))*fw, sigmoid(float64(v[4*n+i]))*fh
		found = append(found, people.Detection{Box: people.Box{X: cx - w/2, Y: cy - h/2, W: w, H: h}, Score: score})
	}
	return found, nil
}

// fastestScore says how sure FastestDet is, in the terms of the others. Its own scores
// lie close together: below 0.55 not one box in twenty is a person, at 0.7 two in three. Taken
// as they are, such boxes hold on to the place where somebody vanished, and the track does
// not walk on behind what hides him.
func fastestScore(object, class float64) float64 {
	return min(1, 1.9*math.Pow(object, 0.6)*math.Pow(class, 0.4)-0.79)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
