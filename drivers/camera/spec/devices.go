package spec

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Found is a video device that gives pictures.
type Found struct {
	Path   string // the stable name below /dev/v4l/by-id, else by-path, else /dev/videoN
	Node   string // /dev/videoN
	Name   string // as the camera calls itself: "HD Pro Webcam C920"
	Driver string // "uvcvideo"; empty where it could not be asked
	Denied bool   // this user may not open it
	Modes  []Mode // what it can give; none where it could not be asked
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
			f.Modes, _ = Modes(node) // a driver that cannot say so is used all the same
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

// stableNames maps /dev/videoN to its name below by-id, which moves with the
// camera, or else by-path, which is the socket's that it is plugged into. Of two
// equal cameras without serial numbers only one has the former.
func stableNames(root string) map[string]string {
	names := map[string]string{}
	for _, by := range []string{"by-id", "by-path"} {
		links, _ := filepath.Glob(filepath.Join(root, "dev/v4l", by, "*"))
		for _, link := range links {
			if target, err := filepath.EvalSymlinks(link); err == nil && names[target] == "" {
				names[target] = link
			}
		}
	}
	return names
}
