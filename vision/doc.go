// Package vision asks questions about pictures: what does the portrait in this
// chip look like, is the person before the camera the one of the portrait, how
// many people crossed this line, what does the QR code in this picture say.
//
// The answers come from tram-vision, a process of its own that is the only one to
// link OpenCV and FFmpeg. OpenCV aborts its process on a bad model and a card's
// image is hostile input, so the worker may die at any moment: the question in
// hand then fails with ErrWorkerDied, the next one meets a fresh worker.
//
//	w := vision.NewWorker(vision.Options{Models: dir, Log: log})
//	defer w.Close()
//	answer, err := w.CompareFace(ctx, vision.FaceQuestion{Portrait: jpeg, Source: "/dev/video0"})
//
// The daemon also calls Run, which keeps the worker warm and starts it again
// with back-off when it dies. Each process answers one question at a time; a
// count, which may take all day, gets a process of its own.
//
// Pictures of persons travel over a private socket pair and live in memory
// only. Nothing of them is logged, not by the worker either.
//
// The packages below hold what needs no OpenCV (face, people, qr, models) and
// the worker's own half (cv).
package vision
