// Package cv is the worker's half of vision: what tram-vision does with OpenCV.
// It is linked into that one program only.
//
// Serve answers the questions of package vision, one after the other, on one
// connection. Whatever it is given is checked before OpenCV sees it (a picture's
// header by drivers/camera/still, a network's SHA-256 by vision/models), because
// OpenCV ends the process on what it cannot read. What still ends it is met by
// the other side, which starts it again.
package cv
