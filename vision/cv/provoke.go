//go:build provoke

package cv

import (
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"gocv.io/x/gocv"
	"golang.org/x/sys/unix"

	"tram/vision"
)

// provoked does what must never happen, in a build for tests alone: each is a real
// death of the real libraries, and no pretence of one.
func provoked(m vision.Message) (done bool, err error) {
	if m.Kind != "provoke" {
		return false, nil
	}
	how := strings.Trim(string(m.Body), `"`)
	if done, err := trespass(how); done {
		return true, err
	}
	switch how {
	case "throw": // OpenCV throws through cgo, which nobody catches
		empty, out := gocv.NewMat(), gocv.NewMat()
		gocv.Resize(empty, &out, image.Pt(10, 10), 0, 0, gocv.InterpolationLinear)
	case "picture": // one that OpenCV's own decoder throws over, shown to it without a look at its head
		if _, err := gocv.IMDecode(m.Blobs[0], gocv.IMReadColor); err != nil {
			return true, err
		}
	case "model": // a file of garbage for the network's parser
		file := filepath.Join(os.TempDir(), "garbage.onnx")
		if err := os.WriteFile(file, []byte(strings.Repeat("garbage ", 1000)), 0o600); err != nil {
			return true, err
		}
		gocv.ReadNet(file, "")
	case "crash": // an address that is nobody's
		var nowhere *gocv.Mat
		nowhere.Rows()
	case "leak": // pictures that are never given back
		for {
			m := gocv.NewMatWithSize(4096, 4096, gocv.MatTypeCV8UC3)
			m.SetTo(gocv.NewScalar(1, 2, 3, 4)) // touched, so that it is really there
		}
	case "hang":
		for { //nolint:revive // on purpose
		}
	default:
		return true, fmt.Errorf("%w: %s", vision.ErrQuestion, how)
	}
	return true, nil
}

// trespass tries what a worker that was taken over would try, and tells whether it
// was let.
func trespass(how string) (done bool, err error) {
	what, where, ok := strings.Cut(how, " ")
	if !ok {
		return false, nil
	}
	switch what {
	case "read":
		f, err := os.Open(where)
		if err == nil {
			_, err = f.Read(make([]byte, 1))
			_ = f.Close()
		}
		return true, refused(err)
	case "list":
		_, err := os.ReadDir(where)
		return true, refused(err)
	case "write":
		return true, refused(os.WriteFile(where, []byte("x"), 0o600))
	case "connect":
		conn, err := net.Dial("tcp", where)
		if err == nil {
			_ = conn.Close()
		}
		return true, refused(err)
	case "run":
		return true, refused(exec.Command(where).Run())
	case "signal":
		pid, _ := strconv.Atoi(where)
		return true, refused(unix.Kill(pid, 0))
	case "become":
		return true, refused(unix.Setresuid(0, 0, 0))
	}
	return false, nil
}

// refused turns a refusal of the kernel into nil, and everything else into an error.
func refused(err error) error {
	for _, e := range []error{unix.EACCES, unix.EPERM, unix.ENOSYS} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return fmt.Errorf("%w: not refused: %v", vision.ErrQuestion, err)
}
