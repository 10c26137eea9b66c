package cv

import (
	"fmt"
	"image"

	"gocv.io/x/gocv"

	"tram/drivers/camera/still"
	"tram/vision"
)

// maxPixels bounds a single picture: a 24-megapixel camera, no chip comes near.
const maxPixels = 25_000_000

// portraitHeight is the height of the portrait that a screen gets.
const portraitHeight = 480

// decodePicture turns a file into pixels of blue, green, red. The caller closes it.
func decodePicture(data []byte) (gocv.Mat, error) {
	if _, err := still.Check(data, maxPixels); err != nil {
		return gocv.Mat{}, err
	}
	m, err := gocv.IMDecode(data, gocv.IMReadColor)
	if err != nil {
		return gocv.Mat{}, fmt.Errorf("%w: %v", vision.ErrNotPicture, err) //nolint:errorlint // one sentinel is enough
	}
	if m.Empty() || m.Type() != gocv.MatTypeCV8UC3 {
		_ = m.Close()
		return gocv.Mat{}, fmt.Errorf("%w: OpenCV cannot decode it", vision.ErrNotPicture)
	}
	return m, nil
}

// portrait re-encodes a picture as a JPEG of at most portraitHeight pixels' height.
func portrait(data []byte) ([]byte, error) {
	m, err := decodePicture(data)
	if err != nil {
		return nil, err
	}
	defer func() { wipe(&m) }()
	if m.Rows() > portraitHeight || m.Cols() > 2*portraitHeight {
		k := min(float64(portraitHeight)/float64(m.Rows()), 2*float64(portraitHeight)/float64(m.Cols()))
		size := image.Pt(max(1, int(float64(m.Cols())*k)), max(1, int(float64(m.Rows())*k)))
		small := gocv.NewMat()
		gocv.Resize(m, &small, size, 0, 0, gocv.InterpolationArea)
		wipe(&m)
		m = small
	}
	return encodeJPEG(m, 88)
}

func encodeJPEG(m gocv.Mat, quality int) ([]byte, error) {
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, m, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		return nil, fmt.Errorf("encode a JPEG: %w", err)
	}
	defer buf.Close()
	defer clear(buf.GetBytes()) // OpenCV's own copy; it may show a person
	return append([]byte(nil), buf.GetBytes()...), nil
}
