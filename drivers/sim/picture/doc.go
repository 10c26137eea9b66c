// Package picture draws the pictures that Tram's simulated hardware shows: the
// portrait in the chip of an invented citizen, the same invented person before
// a kiosk's camera, and a street with people who walk over a line.
//
// Everything is drawn at run time from a seed. No photograph and no real person
// is behind any of it, so that a demonstration and a test need no personal data:
//
//	jpeg := picture.PortraitJPEG(1)            // what DG2 holds
//	frames := picture.Visitor(1, 5)            // the same face before the camera
//	err := picture.WriteFrames(dir, frames)    // a folder that drivers/camera plays
//
//	street := picture.NewStreet(1)
//	err = street.Write(dir)                    // street.In and street.Out are the truth
//
// The face is a height map with painted skin, lit by one lamp and the sky: that
// is enough for a real detector to find it and for a real embedding network to
// know the same seed again and to tell DefaultSeed from OtherSeed. It says nothing
// about how well either does on people.
//
// The functions that run once per point of a picture share nothing and are kept
// out of the race detector (go:norace): it would make them four times as slow, and
// every test that needs a face with them.
package picture
