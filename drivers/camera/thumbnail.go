package camera

import (
	"image"

	"gocv.io/x/gocv"

	"tram/drivers/camera/condition"
)

// Thumbnail is m as package condition wants it. Work is a Mat of the caller that
// is written over.
func Thumbnail(m gocv.Mat, work *gocv.Mat) []byte {
	gocv.Resize(m, work, image.Pt(condition.Width, condition.Height), 0, 0, gocv.InterpolationArea)
	if work.Channels() != 1 {
		gocv.CvtColor(*work, work, gocv.ColorBGRToGray)
	}
	return work.ToBytes()
}
