package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"tram/hub"
	"tram/hub/ca"
	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// The exit codes of every command.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotThere = 4
)

// usageError is a command line that is not one of ours.
type usageError string

func (e usageError) Error() string { return string(e) }

func usage(text string) error { return usageError(text) }

// What a command came to.
var (
	errNoReply = errors.New("the device has not replied yet")
	errRefused = errors.New("the device did not do it")
)

// known are the errors with their exit code and next step, the first match counts.
var known = []struct {
	err  error
	code int
	hint string
}{
	{store.ErrLocked, exitNotThere, "another process holds the store and does not answer; stop it, or wait for it"},
	{store.ErrDamaged, exitFailed, "restore hub.db from a backup; devices resend only what was never acknowledged"},
	{store.ErrDatabase, exitNotThere, "check the server and --postgres, such as postgres://USER@HOST/DATABASE"},
	{store.ErrNewer, exitFailed, "update this tram-hub too"},
	{store.ErrNoCommand, exitFailed, "check the id that tram-hub command printed"},
	{errNoReply, exitNotThere, "the order stays and is done when the device is online; see tram-hub report"},
	{errRefused, exitFailed, "read what the device says above"},
	{hub.ErrOrder, exitUsage, "see tram-hub command --help"},
	{hub.ErrListen, exitFailed, "name another address with --listen, or port 0 for any free one"},
	{hub.ErrTaken, exitFailed, "remove the old key's file from the devices folder when the device was replaced"},
	{ca.ErrAuthority, exitFailed, "restore the folder \"ca\" of the data folder from a backup; without its keys every device has to enrol again"},
	{ca.ErrReserved, exitUsage, "choose another name for the device"},
	{ca.ErrValid, exitUsage, "choose another --valid"},
	{ca.ErrLife, exitUsage, "choose another --certificate-life"},
	{ca.ErrHosts, exitUsage, "name the broker's host with --host, without a port"},
	{seal.ErrKey, exitFailed, "give the file device.pub.jwk that the device wrote"},
	{wire.ErrName, exitUsage, "a device's name has 1 to 64 letters, digits, '.', '_' or '-'"},
	{fs.ErrNotExist, exitNotThere, "check the path; --data names the hub's folder"},
}

// explain tells a person what went wrong and what to do, and returns the exit code.
func explain(w io.Writer, err error) int {
	fmt.Fprintf(w, "tram-hub: %v\n", err)
	var u usageError
	if errors.As(err, &u) {
		fmt.Fprintln(w, "hint: see tram-hub --help")
		return exitUsage
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			fmt.Fprintf(w, "hint: %s\n", k.hint)
			return k.code
		}
	}
	return exitFailed
}
