// Package camera opens what shows pictures: a V4L2 device, a stream, a video
// file, or a folder of frames that stands in for a camera.
//
//	c, err := camera.Open(ctx, "/dev/video0", camera.Options{})
//	defer c.Close()
//	frame := gocv.NewMat()
//	defer frame.Close()
//	for c.Next(ctx, &frame) == nil { … }
//
// A source is written as "/dev/video0", "0", "/dev/v4l/by-id/…", "rtsp://…",
// "http://…", the path of a video file, or the path of a folder, whose pictures
// are played in the order of their names.
//
// Of a live source the newest frame wins; of a file or folder every frame is
// given. Nothing blocks for ever: a source that does not open or falls silent is
// ErrNoCamera. A call that hangs inside the kernel or FFmpeg is left behind in
// its goroutine; only the worker process uses this package, and that can be ended.
package camera
