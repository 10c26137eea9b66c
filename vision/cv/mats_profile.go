//go:build matprofile

package cv

import "gocv.io/x/gocv"

// openMats is how many Mats are open.
func openMats() int { return gocv.MatProfile.Count() }
