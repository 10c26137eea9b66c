// Package drivers says what a device is to the rest of Tram: something that is
// run until its context ends, that comes and goes, and that can always say how
// it is. The packages below it each drive one kind of hardware.
package drivers

import (
	"context"
	"time"
)

// State is how a device is right now.
type State string

// The states of a device. A missing device is waited for; it is never fatal.
const (
	Missing State = "missing" // not plugged in, or its service does not run
	Ready   State = "ready"   // there and idle
	Busy    State = "busy"    // there and at work for a visit
	Failed  State = "failed"  // there, but it does not do what it should
)

// Status is what a device says about itself. Detail is one sentence for a
// technician and never holds anything of a person.
type Status struct {
	Kind   string    `json:"kind"` // "reader", "scanner", "camera"
	Name   string    `json:"name"`
	State  State     `json:"state"`
	Detail string    `json:"detail,omitempty"`
	Code   string    `json:"code,omitempty"` // what is wrong in one stable word, where there is one: "covered"
	Since  time.Time `json:"since"`
}

// A Device is run by the daemon for as long as it lives. Run returns only when
// ctx ends: a device that is unplugged is waited for.
type Device interface {
	Run(ctx context.Context) error
	Status() Status
}
