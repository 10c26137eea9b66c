package cv

import (
	"fmt"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/face"
)

// OpenCV's own blobFromImage goes over a picture six times; these once.

// blobOf makes a 1×3×h×w input that fill writes, pixels being those of m: blue,
// green and red, row by row. The caller closes it.
func blobOf(m gocv.Mat, w, h int, fill func(out []float32, pixels []byte)) (gocv.Mat, error) {
	blob := gocv.NewMatWithSizes([]int{1, 3, h, w}, gocv.MatTypeCV32F)
	if err := fillBlob(blob, m, fill); err != nil {
		_ = blob.Close()
		return gocv.Mat{}, err
	}
	return blob, nil
}

func fillBlob(blob, m gocv.Mat, fill func(out []float32, pixels []byte)) error {
	pixels, err := m.DataPtrUint8()
	if err != nil || m.Type() != gocv.MatTypeCV8UC3 || len(pixels) != 3*m.Cols()*m.Rows() {
		return fmt.Errorf("%w: a picture that is not of three bytes a pixel", vision.ErrFailed)
	}
	size := blob.Size()
	out, err := blob.DataPtrFloat32()
	if err != nil || len(size) != 4 || len(out) != 3*size[2]*size[3] || m.Cols() > size[3] || m.Rows() > size[2] {
		return fmt.Errorf("%w: a picture of %d×%d pixels in an input of %v", vision.ErrFailed, m.Cols(), m.Rows(), size)
	}
	fill(out, pixels)
	return nil
}

// planes writes m into the detector's input: 0 to 255, blue, green and red apart,
// from the upper left corner of a field that is black elsewhere. Its sides are the
// next multiples of 32.
func planes(m gocv.Mat, field *gocv.Mat) error {
	columns, rows := m.Cols(), m.Rows()
	w, h := (columns+31)/32*32, (rows+31)/32*32
	if size := field.Size(); len(size) != 4 || size[3] != w || size[2] != h {
		wipe(field)
		*field = gocv.NewMatWithSizes([]int{1, 3, h, w}, gocv.MatTypeCV32F)
	}
	return fillBlob(*field, m, func(out []float32, pixels []byte) {
		clear(out)
		n := w * h
		for y := range rows {
			line := pixels[3*y*columns:][:3*columns]
			b, g, r := out[y*w:][:columns], out[n+y*w:][:columns], out[2*n+y*w:][:columns]
			for x := range b {
				b[x], g[x], r[x] = float32(line[3*x]), float32(line[3*x+1]), float32(line[3*x+2])
			}
		}
	})
}

// tensor is an aligned face as the usual embedding network wants it.
func tensor(cut gocv.Mat) (gocv.Mat, error) {
	return blobOf(cut, face.Side, face.Side, face.Tensor)
}
