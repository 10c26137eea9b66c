// Package condition says whether the pictures of a camera are fit to work with:
// it notices a picture that is black, too dark, too bright, covered, blurred or
// frozen, a camera that sends nothing or too little, another size than was asked
// for, and a clock that runs backwards.
//
//	w := condition.New(condition.Options{Rate: 25})
//	w.See(condition.Sample{At: now, Stamp: pts, Width: 1280, Height: 720, Grey: thumbnail})
//	w.Tick(now) // now and then, also while no pictures come
//	if r := w.Report(); r.Bad() { fmt.Println(r.Code.Words("vi")) }
//
// It looks at thumbnails of 160×120 grey pixels, at most five a second, and keeps
// numbers only. Whether a picture is blurred or partly covered is judged beside
// what this camera has shown before; a Memory carries that over a restart. Each
// fault must last before it is told and be gone for a while before it is over.
//
// The package knows no OpenCV, so the daemon shares its words with the worker.
package condition
