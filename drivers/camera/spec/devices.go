package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Found is a video device that gives pictures.
type Found struct {
	Path   string // the stable name below /dev/v4l/by-id, else /dev/videoN
	Node   string // /dev/videoN
	Name   string // as the camera calls itself: "HD Pro Webcam C920"
	Driver string // "uvcvideo"; empty where it could not be asked
	Denied bool   // this user may not open it
}

var digits = regexp.MustCompile(`^video(\d+)$`)

// Devices lists the video devices of this machine that give pictures. Nodes for
// metadata and encoders are left out. Root is "/", elsewhere in tests.
func Devices(root string) []Found {
	nodes, _ := filepath.Glob(filepath.Join(root, "dev/video*")) // well formed
	slices.SortFunc(nodes, func(a, b string) int { return number(a) - number(b) })
	stable := stableNames(root)
	var list []Found
	for _, node := range nodes {
		if number(node) < 0 {
			continue
		}
		f := Found{Path: node, Node: node}
		if name, err := os.ReadFile(filepath.Join(root, "sys/class/video4linux", filepath.Base(node), "name")); err == nil {
			f.Name = strings.TrimSpace(string(name))
		}
		caps, err := capabilities(node)
		if err == nil && !caps.capture {
			continue
		}
		if err == nil {
			f.Driver, f.Name = caps.driver, caps.card
		}
		f.Denied = errors.Is(err, os.ErrPermission)
		if path, ok := stable[node]; ok {
			f.Path = path
		}
		list = append(list, f)
	}
	return list
}

func number(node string) int {
	m := digits.FindStringSubmatch(filepath.Base(node))
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

// stableNames maps /dev/videoN to its name below by-id.
func stableNames(root string) map[string]string {
	names := map[string]string{}
	links, _ := filepath.Glob(filepath.Join(root, "dev/v4l/by-id/*"))
	for _, link := range links {
		if target, err := filepath.EvalSymlinks(link); err == nil && names[target] == "" {
			names[target] = link
		}
	}
	return names
}

type capable struct {
	driver, card string
	capture      bool
}

// v4l2Capability is struct v4l2_capability of linux/videodev2.h.
type v4l2Capability struct {
	Driver       [16]byte
	Card         [32]byte
	BusInfo      [32]byte
	Version      uint32
	Capabilities uint32
	DeviceCaps   uint32
	Reserved     [3]uint32
}

// Of linux/videodev2.h.
const (
	vidiocQueryCap   = 0x80685600 // _IOR('V', 0, struct v4l2_capability)
	capVideoCapture  = 0x00000001
	capCaptureMplane = 0x00001000
	capDeviceCaps    = 0x80000000
)

// capabilities asks a node what it is, VIDIOC_QUERYCAP.
func capabilities(node string) (capable, error) {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return capable{}, fmt.Errorf("open %s: %w", node, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var c v4l2Capability
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQueryCap, uintptr(unsafe.Pointer(&c))); e != 0 { //nolint:gosec // ioctl(2) takes a structure
		return capable{}, fmt.Errorf("ask %s what it is: %w", node, e)
	}
	is := c.Capabilities
	if is&capDeviceCaps != 0 {
		is = c.DeviceCaps
	}
	return capable{driver: text(c.Driver[:]), card: text(c.Card[:]), capture: is&(capVideoCapture|capCaptureMplane) != 0}, nil
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
