package machine

import (
	"fmt"
	"os"
	"os/exec"
)

// The names that two cameras of a machine keep, whatever their numbers.
const (
	FirstCamera  = "/dev/v4l/by-id/usb-first-video-index0"
	SecondCamera = "/dev/v4l/by-id/usb-second-video-index0"
)

// names are what udev makes the names of: the driver has no plug to read them from.
const names = `SUBSYSTEM=="video4linux", ATTR{name}=="vivid-000-*", ENV{ID_BUS}="usb", ENV{ID_SERIAL}="first"
SUBSYSTEM=="video4linux", ATTR{name}=="vivid-001-*", ENV{ID_BUS}="usb", ENV{ID_SERIAL}="second"
`

// WithCameras is a job in a machine with two webcams of the kernel's driver vivid.
func WithCameras(j Job) Job {
	j.Load = append(j.Load, []string{"vivid", "n_devs=2", "node_types=0x1,0x1", "num_inputs=1,1", "input_types=0x0,0x0"})
	j.Rules += names
	return j
}

// Unplug takes both cameras away, Plug brings them back under the numbers that are
// then free. Both are called inside the machine and wait for udev.
func Unplug() error { return driver("unbind") }

// Plug brings the cameras back.
func Plug() error { return driver("bind") }

func driver(how string) error {
	if err := os.WriteFile("/sys/bus/platform/drivers/vivid/"+how, []byte("vivid.0"), 0o200); err != nil {
		return fmt.Errorf("%s the cameras: %w", how, err)
	}
	if out, err := exec.Command("udevadm", "settle").CombinedOutput(); err != nil {
		return fmt.Errorf("wait for udev: %w: %s", err, out)
	}
	return nil
}
