// Package machine boots a virtual machine with Debian's kernel, for tests of
// drivers that the kernel at hand lacks: a camera that is really unplugged.
//
//	if why := machine.Missing(); why != "" { t.Skip(why) }
//	out, err := machine.Run(ctx, machine.WithCameras(machine.Job{Dir: t.TempDir(), Command: []string{"/mnt/camera.test"}}))
//
// The machine has this machine's own files, read-only, so programs and libraries
// are the same inside; Job.Dir is its /mnt, which it may write; everything else
// that it writes is gone with it. Its devices are its own and udev names them. It
// has no network. With /dev/kvm it is there in seconds, without in half a minute or more.
//
// The program that runs first in it is package guest.
package machine
