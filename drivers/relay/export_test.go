package relay

import "io"

// Command is what goes over the line.
var Command = command

// Inputs is inputs.
var Inputs = inputs

// OpenWith makes a relay open its port with a function of the test's, before Run.
func OpenWith(r *Relay, open func() (io.ReadWriteCloser, error)) {
	r.open = func(string, int) (io.ReadWriteCloser, error) { return open() }
}
