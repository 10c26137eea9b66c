package lodging

import (
	"strings"
	"time"
)

// Place is the law's time zone: UTC+7 without summer time, whatever the machine says.
var Place = time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60)

// WarnBefore is how long before a deadline the clerk is warned.
const WarnBefore = 30 * time.Minute

// The state of a deadline.
const (
	Met  = "met"  // declared in time
	Wait = ""     // there is time
	Soon = "soon" // less than WarnBefore is left
	Over = "over" // not declared in time
)

// Deadline is until when a stay that began at arrived has to be declared: before
// 23:00 of that day, or before 08:00 of the next one for an arrival from 23:00 on
// (Luật Cư trú 2020, Điều 30.4); for a foreigner 12 hours after the arrival, 24 in
// remote areas (Luật Nhập cảnh … của người nước ngoài 2014, Điều 33).
func Deadline(arrived time.Time, foreigner, remote bool) time.Time {
	at := arrived.In(Place)
	if foreigner {
		if remote {
			return at.Add(24 * time.Hour)
		}
		return at.Add(12 * time.Hour)
	}
	y, m, d := at.Date()
	if at.Hour() >= 23 {
		return time.Date(y, m, d+1, 8, 0, 0, 0, Place)
	}
	return time.Date(y, m, d, 23, 0, 0, 0, Place)
}

// State says how a deadline stands: declared is when the declaration went out,
// zero while it did not. At the deadline itself it is over: the law says before.
func State(deadline, now, declared time.Time) string {
	switch {
	case !declared.IsZero() && declared.Before(deadline):
		return Met
	case !declared.IsZero() || !now.Before(deadline):
		return Over
	case deadline.Sub(now) <= WarnBefore:
		return Soon
	}
	return Wait
}

// Foreigner reports whether a nationality, as cards and passports write it, is
// another than Vietnam's. An unknown one is no foreigner's: the shorter clock of
// a citizen late in the day would be missed otherwise.
func Foreigner(nationality string) bool {
	switch strings.ToUpper(strings.TrimSpace(nationality)) {
	case "", "VIỆT NAM", "VIET NAM", "VIETNAM", "VNM", "VN":
		return false
	}
	return true
}
