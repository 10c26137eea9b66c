// Package lodging is the law of lodging on the device: until when a stay has to be
// declared, and the papers of a day: the register of guests (ĐD10), the foreigners'
// declaration (NA17), passenger lists, and whatever columns an operator wants, as
// XLSX, CSV or printable HTML.
//
//	d := lodging.DeadlineOf(arrived, nationality, false)
//	switch d.State(now, declared) { … }
//	form, err := lodging.LoadForm("dd10")
//	file, err := form.Write("xlsx", heading, guests)
package lodging
