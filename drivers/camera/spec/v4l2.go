package spec

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures of linux/videodev2.h that are asked for.
type (
	v4l2Capability struct {
		Driver       [16]byte
		Card         [32]byte
		BusInfo      [32]byte
		Version      uint32
		Capabilities uint32
		DeviceCaps   uint32
		Reserved     [3]uint32
	}
	v4l2FmtDesc struct {
		Index, Type, Flags uint32
		Description        [32]byte
		PixelFormat        uint32
		MbusCode           uint32
		Reserved           [3]uint32
	}
	v4l2FrmSizeEnum struct {
		Index, PixelFormat, Type uint32
		Sizes                    [6]uint32 // width and height, or a span of each
		Reserved                 [2]uint32
	}
	v4l2FrmIvalEnum struct {
		Index, PixelFormat, Width, Height, Type uint32
		Intervals                               [3][2]uint32 // numerator and denominator of seconds
		Reserved                                [2]uint32
	}
)

// Of linux/videodev2.h.
const (
	vidiocQueryCap           = 0x80685600 // _IOR('V', 0, struct v4l2_capability)
	vidiocEnumFmt            = 0xC0405602 // _IOWR('V', 2, struct v4l2_fmtdesc)
	vidiocEnumFrameSizes     = 0xC02C564A // _IOWR('V', 74, struct v4l2_frmsizeenum)
	vidiocEnumFrameIntervals = 0xC034564B // _IOWR('V', 75, struct v4l2_frmivalenum)

	capVideoCapture  = 0x00000001
	capCaptureMplane = 0x00001000
	capDeviceCaps    = 0x80000000

	bufVideoCapture       = 1
	bufVideoCaptureMplane = 9
	enumDiscrete          = 1
)

// ask opens a node for some questions.
func ask(node string, questions func(fd int) error) error {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", node, err)
	}
	defer func() { _ = unix.Close(fd) }()
	return questions(fd)
}

type capable struct {
	driver, card    string
	capture, planes bool
}

// capabilities asks a node what it is.
func capabilities(node string) (c capable, err error) {
	err = ask(node, func(fd int) error {
		var err error
		if c, err = queryCapabilities(fd); err != nil {
			return fmt.Errorf("ask %s what it is: %w", node, err)
		}
		return nil
	})
	return c, err
}

func queryCapabilities(fd int) (capable, error) {
	var c v4l2Capability
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQueryCap, uintptr(unsafe.Pointer(&c))); e != 0 { //nolint:gosec // ioctl(2) takes a structure
		return capable{}, e
	}
	is := c.Capabilities
	if is&capDeviceCaps != 0 {
		is = c.DeviceCaps
	}
	return capable{
		driver: text(c.Driver[:]), card: text(c.Card[:]),
		capture: is&(capVideoCapture|capCaptureMplane) != 0, planes: is&capVideoCapture == 0 && is&capCaptureMplane != 0,
	}, nil
}

// text is a C string, without what could disturb a terminal.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
