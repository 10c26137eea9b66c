package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tram/agent/health"
	"tram/configs"
	"tram/drivers/camera/spec"
	"tram/drivers/pcsc"
)

// devices looks for what the configuration names.
func (d Desk) devices(ctx context.Context) []health.Check {
	var list []health.Check
	c := d.Config
	if c.Reader.Enabled {
		list = append(list, d.reader())
	}
	for _, port := range []struct{ id, key, path string }{
		{"device.scanner", "scanner.path", c.Scanner.Path}, {"device.printer", "printer.path", c.Printer.Path},
	} {
		if port.path != "" {
			list = append(list, file(port.id, port.key, port.path))
		}
	}
	for _, camera := range []struct {
		key, source, modeKey string
		mode                 configs.Mode
	}{
		{"camera.source", c.Camera.Source, "camera.mode", c.Camera.Mode},
		{"scanner.camera", c.Scanner.Camera, "scanner.mode", c.Scanner.Mode},
		{"gate.source", c.Gate.Source, "gate.mode", c.Gate.Mode},
	} {
		if camera.source == "" {
			continue
		}
		check := d.camera(ctx, camera.key, camera.source)
		if check.Status == health.OK {
			check = offered(check, camera.source, camera.modeKey, camera.mode)
		}
		list = append(list, check)
	}
	return list
}

// reader asks PC/SC for the reader. polkit refuses users that have no seat.
func (d Desk) reader() health.Check {
	c := health.Check{ID: "device.reader", Status: health.Fail}
	names, err := d.Readers()
	wanted := d.Config.Reader.Name
	switch {
	case errors.Is(err, pcsc.ErrRefused):
		c.Text, c.Remedy = "the PC/SC service refuses this user", "install the polkit rule that comes with tram (configs/polkit), or run as the user of the daemon"
	case errors.Is(err, pcsc.ErrNoService):
		c.Text, c.Remedy = "the PC/SC service does not answer", "apt-get install pcscd; systemctl enable --now pcscd.socket"
	case err != nil:
		c.Text, c.Remedy = "the readers cannot be listed: "+firstLine(err), "see: systemctl status pcscd"
	case len(names) == 0:
		c.Text, c.Remedy = "pcscd runs and sees no reader", "plug the chip reader in; lsusb shows whether the machine sees it"
	case wanted != "" && !strings.Contains(strings.Join(names, "\n"), wanted):
		c.Text, c.Remedy = fmt.Sprintf("no reader is called %q; there are: %s", wanted, strings.Join(names, ", ")), "set reader.name to one of these, or leave it empty"
	default:
		c.Status, c.Text = health.OK, "reader "+strings.Join(names, ", ")
	}
	return c
}

// file judges a device file without opening it: a serial port would move its
// control lines.
func file(id, key, path string) health.Check {
	c := health.Check{ID: id, Status: health.OK, Text: path + " is there"}
	if _, err := os.Stat(path); err != nil {
		c.Status, c.Text, c.Remedy = health.Fail, path+" is not there", "plug it in, and set "+key+" to its name below /dev/serial/by-id; tram devices lists them"
	} else if !usable(path) {
		c.Status, c.Text, c.Remedy = health.Fail, path+" may not be used by this user", "add the user of the daemon to the group dialout (lp for /dev/usb/lp0)"
	}
	return c
}

func usable(path string) bool { return unix.Access(path, unix.R_OK|unix.W_OK) == nil }

// offered holds what a device is asked for against what its driver says that it gives.
func offered(c health.Check, source, key string, m configs.Mode) health.Check {
	ask := spec.Ask{Width: m.Size[0], Height: m.Size[1], Rate: m.Rate, Format: m.Format}
	kind, number, err := spec.KindOf(source)
	if err != nil || kind != spec.Device || ask == (spec.Ask{}) {
		return c
	}
	modes, err := spec.Modes(fmt.Sprintf("/dev/video%d", number))
	if err == nil && !spec.Offered(modes, ask) {
		c.Status, c.Text, c.Remedy = health.Warn, c.Text+" and does not give "+ask.String()+", but "+spec.Summary(modes), "set "+key+" to what it gives; tram devices --json lists all of it"
	}
	return c
}

// camera judges a source by its place; the worker alone could look into it.
func (d Desk) camera(ctx context.Context, key, source string) health.Check {
	c := health.Check{ID: "device.camera", Status: health.OK, Text: key + " " + spec.Public(source)}
	if u, err := url.Parse(source); err == nil && strings.Contains(source, "://") {
		if err := d.reach(ctx, hostPort(u, "554")); err != nil {
			c.Status, c.Text, c.Remedy = health.Fail, c.Text+" does not answer", "check the camera's cable, its address and "+key
		} else {
			c.Text += " answers"
		}
		return c
	}
	if _, err := strconv.ParseUint(source, 10, 16); err == nil {
		source = "/dev/video" + source
	}
	info, err := os.Stat(source)
	switch {
	case err != nil:
		c.Status, c.Text, c.Remedy = health.Fail, c.Text+" is not there", "check the camera's cable and "+key+"; tram devices lists the cameras"
	case info.Mode()&os.ModeCharDevice != 0 && !usable(source):
		c.Status, c.Text, c.Remedy = health.Fail, c.Text+" may not be opened by this user", "add the user of the daemon to the group video"
	default:
		c.Text += " is there"
	}
	return c
}
