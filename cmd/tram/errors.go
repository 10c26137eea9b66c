package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"

	"tram/agent"
	"tram/agent/signin"
	"tram/configs"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim/vreader"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/vision"
)

// The exit codes of every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotVerified = 3
	exitNotThere    = 4
)

// failure is an error as a person meets it: one sentence, one next step.
type failure struct {
	code     int
	sentence string
	hint     string
	cause    error
}

func (f *failure) Error() string { return f.sentence }
func (f *failure) Unwrap() error { return f.cause }

func usageError(err error) error {
	return &failure{code: exitUsage, sentence: err.Error(), hint: "see: tram --help", cause: err}
}

func failed(code int, hint, format string, args ...any) error {
	return &failure{code: code, sentence: fmt.Sprintf(format, args...), hint: hint}
}

// quiet ends a command with a code after it has already said what there is to say.
func quiet(code int) error { return &failure{code: code} }

// meaning is what a person should do about an error.
type meaning struct {
	is   error
	code int
	hint string
}

// meant returns the failure that the first fitting meaning makes of err, or nil.
func meant(err error, meanings []meaning) *failure {
	for _, m := range meanings {
		if errors.Is(err, m.is) {
			return &failure{code: m.code, sentence: err.Error(), hint: m.hint, cause: err}
		}
	}
	return nil
}

// meanings turn the sentinels of the packages into what a person should do.
var meanings = []meaning{
	{emrtd.ErrAccessDenied, exitFailed, "scan the QR code on the card, or type the last six digits of the ID number"},
	{emrtd.ErrNoApplication, exitFailed, "lay a CCCD, căn cước or passport with a chip on the reader"},
	// The chip reader wraps whatever the link says in ErrCardGone: what the link itself knows better comes first.
	{pcsc.ErrTimeout, exitFailed, "take the card off, lay it on again, and try once more"},
	{pcsc.ErrNoService, exitNotThere, "start pcscd: systemctl start pcscd.socket"},
	{pcsc.ErrNoReader, exitNotThere, "plug a reader in; \"tram devices\" lists those that are there"},
	{emrtd.ErrCardGone, exitFailed, "leave the card on the reader until the reading is done"},
	{emrtd.ErrTooLarge, exitFailed, "do not accept this card: no genuine chip answers so"},
	{emrtd.ErrProtocol, exitFailed, "lay the card again; if it happens twice, do not accept it"},
	{pcsc.ErrCardGone, exitFailed, "leave the card on the reader until the reading is done"},
	{pcsc.ErrNoCard, exitNotThere, "lay a card on the reader"},
	{pcsc.ErrMute, exitFailed, "lay the card flat on the middle of the reader"},
	{pcsc.ErrInUse, exitFailed, "end the other program that uses the reader; \"tram status\" tells whether it is the daemon"},
	{pcsc.ErrRefused, exitFailed, "allow this user in polkit (org.debian.pcsc-lite.access_pcsc and access_card), or run as root"},
	{vreader.ErrNotInstalled, exitNotThere, "install the virtual reader: apt-get install pcscd vsmartcard-vpcd"},
	{vision.ErrNoModel, exitNotThere, "bring the networks with: tram models pull, or tram models import DIR"},
	{vision.ErrNoWorker, exitNotThere, "install tram-vision beside tram"},
	{vision.ErrNoCamera, exitNotThere, "check the camera, or the path of the video or folder"},
	{vision.ErrNotPicture, exitFailed, "give a JPEG, PNG or JPEG 2000 picture"},
	{vision.ErrNoFace, exitFailed, "use a picture with one face, upright and well lit"},
	{signin.ErrPIN, exitFailed, "type another PIN"},
	{signin.ErrTaken, exitFailed, "end the old one with: tram token rm NAME"},
	{agent.ErrRunning, exitFailed, "stop the other daemon, or use another --state"},
	{outbox.ErrFull, exitFailed, "restore the way to the hub, or raise outbox.max-mib"},
	{outbox.ErrLocked, exitFailed, "another process holds the queue; stop it, or ask the daemon with: tram status"},
	{agent.ErrNoName, exitFailed, "enrol it with: tram enroll --hub URL CODE, or set device.name and device.site"},
	{agent.ErrOtherName, exitFailed, "leave device.name and device.site out, or enrol the device under the other name"},
	{agent.ErrNoHubKey, exitFailed, "copy the hub's public key (hub.pub.jwk in its data folder) there, or set hub.key"},
	{seal.ErrKey, exitFailed, "bring a good key: the hub's is hub.pub.jwk in its data folder; the device's own (device.jwk) must have mode 0600"},
	{syscall.EADDRINUSE, exitFailed, "another program uses this address; set kiosk.listen (--listen for the demo) or stop it"},
	{errNoProfile, exitFailed, "set profile to one of them, or to the path of a file"},
	{fs.ErrNotExist, exitFailed, "check the path"},
	{context.Canceled, exitFailed, ""},
}

// explain finds the sentence, the hint and the exit code of an error.
func explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var problems configs.Problems
	if errors.As(err, &problems) {
		return &failure{code: exitFailed, sentence: fmt.Sprintf("the configuration has %d mistakes\n%s", len(problems), problems.Error()), hint: "tram check FILE shows what to write instead", cause: err}
	}
	var program *exec.Error
	if errors.As(err, &program) && errors.Is(program, exec.ErrNotFound) {
		return &failure{code: exitNotThere, sentence: err.Error(), hint: "install " + program.Name + " beside tram", cause: err}
	}
	if f := meant(err, meanings); f != nil {
		return f
	}
	return &failure{code: exitFailed, sentence: err.Error(), cause: err}
}

func isOneOf(err error, sentinels ...error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
