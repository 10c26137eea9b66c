package vision

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"tram/drivers/camera/spec"
	"tram/vision/confine"
)

// planEnv carries the plan to the worker.
const planEnv = "TRAM_CONFINE"

// ownUsers are who the worker becomes when it is started by root and nobody else
// is named: the first that there is.
var ownUsers = []string{"tram-vision", "nobody"}

// plan is what a process of these options still needs. Without known sources it
// opens whatever path it is asked for, as the person at the terminal could.
func (o Options) plan() (confine.Plan, error) {
	p := confine.Plan{Memory: uint64(max(o.MemoryMiB, 0)) << 20, Parent: os.Getpid()} //nolint:gosec // not below zero
	if o.Sources == nil {
		p.Files, p.Network = true, true
		return p, nil
	}
	if o.Models != "" {
		p.Read = append(p.Read, o.Models)
	}
	for _, source := range o.Sources {
		source = absolute(source)
		switch kind, _, err := spec.KindOf(source); {
		case err != nil: // not there yet; a process that finds no camera is replaced, and planned anew
		case kind == spec.Stream:
			p.Network = true
		case kind == spec.Device:
			p.Read = append(p.Read, "/dev/v4l", "/sys/class/video4linux")
			p.Devices, _ = filepath.Glob("/dev/video*") // the pattern is well formed
		default:
			p.Read = append(p.Read, source)
		}
	}
	if os.Geteuid() != 0 {
		return p, nil
	}
	u, err := workerUser(o.User)
	p.User, p.Foreign = u, true // its files may lie in folders of root's; Landlock holds it to them
	return p, err
}

// workerUser looks a user up, or the first of ownUsers, and the group of cameras.
func workerUser(name string) (*confine.User, error) {
	names := ownUsers
	if name != "" {
		names = []string{name}
	}
	var err error
	for _, n := range names {
		var u *user.User
		if u, err = user.Lookup(n); err != nil {
			continue
		}
		uid, uerr := strconv.Atoi(u.Uid)
		gid, gerr := strconv.Atoi(u.Gid)
		if uerr != nil || gerr != nil || uid == 0 {
			return nil, fmt.Errorf("%w: %s is no user for it", ErrNoWorker, n)
		}
		out := &confine.User{Name: n, UID: uid, GID: gid, Groups: []int{gid}}
		if g, err := user.LookupGroup("video"); err == nil {
			if id, err := strconv.Atoi(g.Gid); err == nil {
				out.Groups = append(out.Groups, id)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: started by root it needs a user of its own (vision.user): %v", ErrNoWorker, err) //nolint:errorlint // one sentinel is enough
}
