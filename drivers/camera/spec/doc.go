// Package spec says which camera is meant: what the name of a source stands for,
// what is asked of it, and which video devices this machine has. It opens nothing
// and knows no OpenCV, so the daemon and the command line use it, too.
//
//	kind, n, err := spec.KindOf("/dev/v4l/by-id/usb-046d_C920-video-index0") // Device, 2
//	spec.Public("rtsp://admin:secret@10.0.0.2/1?token=7")                    // rtsp://***@10.0.0.2/1?***
package spec
