// Package camera opens what shows pictures: a V4L2 device, a stream, a video
// file, or a folder of frames that stands in for a camera.
//
//	c, err := camera.Open(ctx, "/dev/v4l/by-id/…", camera.Options{Ask: spec.Ask{Width: 1280, Height: 720, Rate: 30, Format: "MJPG"}, Reconnect: true, Watch: true})
//	defer c.Close()
//	frame := gocv.NewMat()
//	defer frame.Close()
//	for c.Next(ctx, &frame) == nil { … }
//	fmt.Println(c.Report().Code, c.Report().Mode) // ok; asked 1280×720@30 MJPG, got 640×480@30 YUYV instead
//
// A source is written as "/dev/video0", "0", "/dev/v4l/by-id/…", "rtsp://…",
// "http://…", the path of a video file, or the path of a folder, whose pictures
// are played in the order of their names and of the numbers in them; of a sequence of
// MOTChallenge or OTB those in its img1 or img.
//
// Of a live source the newest frame wins: what nobody took in time is dropped and
// counted, and what is older than two seconds is never given. Of a file or folder
// every frame is given. Nothing blocks for ever: a source that does not open or
// falls silent is ErrNoCamera; with Options.Reconnect it is opened again after
// random pauses that grow to half a minute, for as long as the Camera is open.
//
// JPEG pictures over HTTP are read by this package itself, bounded before they are
// decoded; RTSP and everything else by FFmpeg, devices by OpenCV. A call that hangs
// inside the kernel or FFmpeg is left behind in its goroutine until its own
// time-out; only the worker process uses this package, and that can be ended.
//
// The packages below are for the daemon, too, and know no OpenCV: spec (names of
// sources), condition (whether pictures are fit), still (the head of a picture).
package camera
