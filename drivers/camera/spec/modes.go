package spec

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mode is one size of a device's pictures in one pixel format, or a span of sizes.
type Mode struct {
	Format     string    `json:"format"` // "MJPG", "YUYV"
	Width      int       `json:"width"`  // pixels; of a span the largest
	Height     int       `json:"height"`
	FromWidth  int       `json:"fromWidth,omitempty"` // of a span the smallest
	FromHeight int       `json:"fromHeight,omitempty"`
	Rates      []float64 `json:"rates,omitempty"` // pictures a second at that size, the most first; none: the driver does not say
}

// most bounds what is believed of a driver: formats, sizes of each, rates of each.
const most = 128

// Modes lists what a device can give, as its driver says, by format and the
// largest first. It does not disturb whoever has the device open.
func Modes(node string) ([]Mode, error) {
	var list []Mode
	err := ask(node, func(fd int) error {
		caps, err := queryCapabilities(fd)
		if err != nil {
			return err
		}
		kind := uint32(bufVideoCapture)
		if caps.planes {
			kind = bufVideoCaptureMplane
		}
		for i := range uint32(most) {
			f := v4l2FmtDesc{Index: i, Type: kind}
			if done, err := enumerate(fd, vidiocEnumFmt, unsafe.Pointer(&f)); done || err != nil { //nolint:gosec // ioctl(2) takes a structure
				return err
			}
			sizes, err := sizesOf(fd, f.PixelFormat)
			if err != nil {
				return err
			}
			list = append(list, sizes...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its modes: %w", node, err)
	}
	return list, nil
}

func sizesOf(fd int, format uint32) ([]Mode, error) {
	var list []Mode
	for i := range uint32(most) {
		s := v4l2FrmSizeEnum{Index: i, PixelFormat: format}
		done, err := enumerate(fd, vidiocEnumFrameSizes, unsafe.Pointer(&s)) //nolint:gosec // ioctl(2) takes a structure
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		m := Mode{Format: fourCC(format), Width: pixels(s.Sizes[0]), Height: pixels(s.Sizes[1])}
		if s.Type != enumDiscrete { // min width, max width, step, min height, max height, step
			m.FromWidth, m.Width, m.FromHeight, m.Height = pixels(s.Sizes[0]), pixels(s.Sizes[1]), pixels(s.Sizes[3]), pixels(s.Sizes[4])
		}
		if m.Rates, err = ratesOf(fd, format, m.Width, m.Height); err != nil {
			return nil, err
		}
		list = append(list, m)
		if s.Type != enumDiscrete {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Mode) int { return cmp.Compare(b.Width*b.Height, a.Width*a.Height) })
	return list, nil
}

// ratesOf lists the rates at a size; of a span of rates its ends.
func ratesOf(fd int, format uint32, width, height int) ([]float64, error) {
	var list []float64
	for i := range uint32(most) {
		v := v4l2FrmIvalEnum{Index: i, PixelFormat: format, Width: uint32(width), Height: uint32(height)} //nolint:gosec // below 2^16
		done, err := enumerate(fd, vidiocEnumFrameIntervals, unsafe.Pointer(&v))                          //nolint:gosec // ioctl(2) takes a structure
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		ends := v.Intervals[:1]
		if v.Type != enumDiscrete { // shortest, longest, step
			ends = v.Intervals[:2]
		}
		for _, t := range ends {
			if t[0] > 0 && t[1] > 0 {
				list = append(list, math.Round(float64(t[1])/float64(t[0])*100)/100)
			}
		}
		if v.Type != enumDiscrete {
			break
		}
	}
	slices.SortFunc(list, func(a, b float64) int { return cmp.Compare(b, a) })
	return slices.Compact(list), nil
}

func pixels(n uint32) int { return int(min(n, 1<<16-1)) }

// fourCC is a pixel format as it is written: "MJPG", "Y16", "Y16 -BE".
func fourCC(v uint32) string {
	const bigEndian = 1 << 31
	name := text([]byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24 & 0x7f)})
	if v&bigEndian != 0 {
		return name + "-BE"
	}
	return strings.TrimSpace(name)
}

// enumerate makes one step through a list; done is its end. Drivers that do not
// know a list answer ENOTTY.
func enumerate(fd int, request uintptr, into unsafe.Pointer) (done bool, err error) {
	for {
		_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(into))
		switch {
		case e == 0:
			return false, nil
		case e == unix.EINTR:
		case errors.Is(e, unix.EINVAL), errors.Is(e, unix.ENOTTY):
			return true, nil
		default:
			return false, e
		}
	}
}

// fits reports whether a mode can give what is asked; a rate is met by a higher one.
func (m Mode) fits(a Ask) bool {
	from := Mode{FromWidth: m.Width, FromHeight: m.Height}
	if m.FromWidth > 0 {
		from = m
	}
	return (a.Format == "" || a.Format == m.Format) &&
		(a.Width == 0 || a.Width <= m.Width && a.Width >= from.FromWidth && a.Height <= m.Height && a.Height >= from.FromHeight) &&
		(a.Rate == 0 || len(m.Rates) == 0 || m.Rates[0] >= 0.9*a.Rate)
}

// Offered reports whether some of the modes give what is asked; of a device that
// names no mode nobody knows.
func Offered(modes []Mode, a Ask) bool {
	return len(modes) == 0 || slices.ContainsFunc(modes, func(m Mode) bool { return m.fits(a) })
}

// Summary is the largest size of each format at its highest rate: "MJPG 1920×1080@30, YUYV 640×480@30".
func Summary(modes []Mode) string {
	var parts []string
	seen := map[string]bool{}
	for _, m := range modes {
		if seen[m.Format] {
			continue
		}
		seen[m.Format] = true
		a := Ask{Width: m.Width, Height: m.Height}
		if len(m.Rates) > 0 {
			a.Rate = m.Rates[0]
		}
		parts = append(parts, m.Format+" "+a.String())
	}
	const shown = 4
	if more := len(parts) - shown; more > 0 {
		parts = append(parts[:shown], fmt.Sprintf("%d more formats", more))
	}
	return strings.Join(parts, ", ")
}
