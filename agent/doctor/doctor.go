package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tram/agent/health"
	"tram/agent/profile"
	"tram/configs"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/sync/enroll"
	"tram/vision"
	"tram/vision/confine"
	"tram/vision/models"
)

// Desk is what a doctor looks at.
type Desk struct {
	File    string           // the configuration file; empty: the defaults
	Config  configs.Config   // of the device, as far as it could be read
	Wrong   configs.Problems // what is wrong with it
	Daemon  []health.Check   // what the running daemon says; nil: none runs
	Version string

	// Asked of the machine; tests put others in.
	Readers func() ([]string, error)                                          // nil: PC/SC
	Ping    func(ctx context.Context) (vision.Pong, error)                    // of the camera worker
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the network
	Synced  func() bool                                                       // whether somebody keeps the clock
	Now     func() time.Time                                                  // nil: the clock
}

// patience is how long one address may take to answer.
const patience = 3 * time.Second

// Examine returns every check, the good ones too, in an order in which they are
// best mended. What the running daemon says of a thing takes the place of the
// doctor's own look at it: the daemon holds the devices.
func (d Desk) Examine(ctx context.Context) []health.Check {
	if d.Readers == nil {
		d.Readers = pcsc.List
	}
	if d.Dial == nil {
		d.Dial = new(net.Dialer).DialContext
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	list := append(d.settings(), d.folders()...)
	list = append(list, d.daemon())
	own := append(d.devices(ctx), d.worker(ctx))
	own = append(own, d.networks()...)
	own = append(own, d.trust()...)
	own = append(own, d.identity()...)
	own = append(own, d.broker(ctx), health.Clock(d.Synced == nil || d.Synced()))
	said := map[string]bool{}
	for _, c := range d.Daemon {
		said[c.ID] = true
	}
	for _, c := range own {
		if !said[c.ID] {
			list = append(list, c)
		}
	}
	return append(list, d.Daemon...)
}

// settings judges the configuration and its profile.
func (d Desk) settings() []health.Check {
	c := health.Check{ID: "config", Status: health.OK, Text: "the configuration " + d.File + " is in order"}
	switch {
	case d.File == "" && len(d.Wrong) == 0:
		c.Text = "no configuration file; every key has its default"
	case len(d.Wrong) > 0:
		c.Status, c.Text, c.Remedy = health.Fail, fmt.Sprintf("%d mistakes, the first: %s", len(d.Wrong), d.Wrong[0]), d.Wrong[0].Remedy
	}
	p := health.Check{ID: "profile", Status: health.OK}
	if found, err := profile.Load(d.Config.Profile); err != nil {
		p.Status, p.Text, p.Remedy = health.Fail, "the profile "+d.Config.Profile+" cannot be used: "+firstLine(err), "tram check names what is wrong; tram check --profiles lists those that come with tram"
	} else {
		p.Text = "the counter is " + found.Name + ", " + found.Title["en"]
		if admitsAnywhere(found, d.Config.Register) {
			return []health.Check{c, p, {ID: "room", Status: health.Warn, Text: "this desk admits candidates of every room: nobody is told that they sit elsewhere", Remedy: "set register.room to the room of this desk, as the roster writes it"}}
		}
	}
	return []health.Check{c, p}
}

// admitsAnywhere reports whether a desk looks people up on a roster and is of no room.
func admitsAnywhere(p profile.Profile, r configs.Register) bool {
	_, asked := p.Question("room")
	return p.Register != nil && p.Register.Kind == profile.RegisterRoster && r.Room == "" && !asked
}

// folders judges the state folder and the disk that it is on.
func (d Desk) folders() []health.Check {
	dir := d.Config.StateDir()
	c := health.Check{ID: "state", Status: health.OK, Text: "the state folder " + dir + " is private and can be written to"}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.Status, c.Text, c.Remedy = health.Warn, "the state folder "+dir+" is not there", "the daemon makes it when it starts for the first time"
		return []health.Check{c}
	case err != nil:
		c.Status, c.Text, c.Remedy = health.Fail, "the state folder cannot be looked at: "+err.Error(), "run as the user of the daemon"
		return []health.Check{c}
	case info.Mode().Perm()&0o077 != 0:
		c.Status, c.Text, c.Remedy = health.Warn, "other users can look into the state folder "+dir, "chmod 700 "+dir
	case unix.Access(dir, unix.W_OK) != nil:
		c.Status, c.Text, c.Remedy = health.Fail, "the state folder "+dir+" cannot be written to", "give it to the user of the daemon, or run as that user"
	}
	disk := health.Check{ID: "disk", Status: health.OK}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return []health.Check{c}
	}
	free, need := int64(st.Bavail)*st.Bsize>>20, int64(d.Config.Outbox.MaxMiB)
	disk.Text = fmt.Sprintf("%d MiB are free; the queue may grow to %d", free, need)
	switch {
	case free < 64:
		disk.Status, disk.Remedy = health.Fail, "make room on the disk of "+dir
	case free < need:
		disk.Status, disk.Remedy = health.Warn, "make room on the disk of "+dir+", or lower outbox.max-mib"
	}
	return []health.Check{c, disk}
}

func (d Desk) daemon() health.Check {
	if d.Daemon != nil {
		return health.Check{ID: "daemon", Status: health.OK, Text: "the daemon runs"}
	}
	return health.Check{ID: "daemon", Status: health.Warn, Text: "no daemon runs on this state folder", Remedy: "start it with: tram run, or systemctl start tram"}
}

// worker judges the camera worker, which runs without OpenCV as little as
// without its file.
func (d Desk) worker(ctx context.Context) health.Check {
	c := health.Check{ID: "device.worker", Status: health.OK}
	if d.Ping == nil {
		return health.Check{ID: "device.worker", Status: health.Warn, Text: "the camera worker was not looked at"}
	}
	pong, err := d.Ping(ctx)
	c.Text = "the camera worker runs with OpenCV " + pong.OpenCV
	switch missing := confine.Missing(pong.Confined); {
	case err != nil:
		c.Status, c.Text, c.Remedy = health.Fail, "no faces, codes before a camera or counting: "+firstLine(err), "install tram-vision beside tram, and OpenCV's libraries"
		if !d.seesAnything() {
			c.Status = health.Warn
		}
	case len(missing) > 0:
		c.Status, c.Text, c.Remedy = health.Warn, c.Text+"; not confined by "+strings.Join(missing, ", "), "a newer kernel confines it better; it works as it is"
	}
	return c
}

func (d Desk) seesAnything() bool {
	c := d.Config
	return c.Camera.Source != "" || c.Gate.Source != "" || c.Scanner.Camera != ""
}

// networks judges the files that the worker may load.
func (d Desk) networks() []health.Check {
	there, wrong := 0, []string{}
	list := models.Verify(d.Config.ModelsDir())
	for _, m := range list {
		switch m.State {
		case models.Wrong:
			wrong = append(wrong, m.Name)
		case models.Missing:
		default:
			there++
		}
	}
	c := health.Check{ID: "models", Status: health.OK, Text: fmt.Sprintf("%d of %d networks are there and are the pinned ones", there, len(list))}
	switch {
	case len(wrong) > 0:
		c.Status, c.Text, c.Remedy = health.Fail, "not the pinned networks: "+strings.Join(wrong, ", "), "remove these files from "+d.Config.ModelsDir()+" and bring them again: tram models pull"
	case there == 0 && d.seesAnything():
		c.Status, c.Remedy = health.Warn, "faces are not compared without them; tram models pull, or tram models import DIR"
	}
	return []health.Check{c}
}

func (d Desk) trust() []health.Check {
	if !d.Config.Reader.Enabled {
		return nil
	}
	store, err := emrtd.LoadTrust(d.Config.TrustDir())
	n := 0
	if err == nil {
		n = store.Len()
	}
	return []health.Check{health.Trust(n, err)}
}

// identity judges who this device is to its hub.
func (d Desk) identity() []health.Check {
	c := health.Check{ID: "enrolment", Status: health.OK}
	e, err := enroll.Load(d.Config.StateDir())
	switch {
	case err == nil:
		c.Text = "enrolled as " + e.Device + " at " + e.Site
	case !errors.Is(err, enroll.ErrNotEnrolled):
		c.Status, c.Text, c.Remedy = health.Fail, "the enrolment cannot be read: "+firstLine(err), "enrol the device anew: tram enroll --hub URL CODE"
	case d.Config.Device.Name == "" || d.Config.Device.Site == "":
		c.Status, c.Text, c.Remedy = health.Fail, "the device is neither enrolled nor named", "tram enroll --hub URL CODE, or set device.name and device.site"
	default:
		c.Status, c.Text, c.Remedy = health.Warn, "not enrolled; the configuration names the device "+d.Config.Device.Name, "tram enroll --hub URL CODE gives it a certificate of its own"
	}
	key := health.Check{ID: "hub.key", Status: health.OK, Text: "the hub's public key is there"}
	if _, err := os.Stat(d.Config.HubKeyPath()); err != nil {
		key.Status, key.Text, key.Remedy = health.Fail, "the hub's public key is missing, so no record can be sealed: "+d.Config.HubKeyPath(), "enrol the device, or copy hub.pub.jwk from the hub there"
	}
	return []health.Check{c, key}
}

// broker tries to reach the broker; being offline is no failure.
func (d Desk) broker(ctx context.Context) health.Check {
	c := health.Check{ID: "hub", Status: health.OK}
	address := d.Config.Hub.Broker
	if e, err := enroll.Load(d.Config.StateDir()); address == "" && err == nil {
		address = e.Broker
	}
	if address == "" {
		return health.Check{ID: "hub", Status: health.Warn, Text: "no broker is known, so records stay here", Remedy: "enrol the device, or set hub.broker"}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return health.Check{ID: "hub", Status: health.Fail, Text: "the broker's address is none", Remedy: "write hub.broker as ssl://HOST:8883"}
	}
	if err := d.reach(ctx, hostPort(u, "1883")); err != nil {
		c.Status, c.Text, c.Remedy = health.Warn, "the broker "+u.Host+" does not answer: "+firstLine(err), "check the network and hub.broker; records are kept and sent when it is back"
		return c
	}
	c.Text = "the broker " + u.Host + " answers"
	return c
}

func (d Desk) reach(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := d.Dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func hostPort(u *url.URL, standard string) string {
	port := u.Port()
	if port == "" {
		port = standard
		switch u.Scheme {
		case "ssl", "tls", "mqtts":
			port = "8883"
		case "http":
			port = "80"
		case "https":
			port = "443"
		case "rtsp":
			port = "554"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
