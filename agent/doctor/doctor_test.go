package doctor_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/agent/doctor"
	"tram/agent/health"
	"tram/configs"
	"tram/drivers/pcsc"
	"tram/vision"
)

// desk is one where everything is in order.
func desk(t *testing.T) doctor.Desk {
	t.Helper()
	c := configs.Default()
	c.State = filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(c.State, 0o700); err != nil {
		t.Fatal(err)
	}
	c.Device.Name, c.Device.Site, c.Outbox.MaxMiB = "kiosk-01", "mau", 16
	if err := os.WriteFile(filepath.Join(c.State, "hub.pub.jwk"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Hub.Broker = "tcp://hub.example:1883"
	c.Scanner.Path = filepath.Join(c.State, "scanner")
	if err := os.WriteFile(c.Scanner.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Camera.Source = c.State
	return doctor.Desk{
		File: "tram.yaml", Config: c,
		Readers: func() ([]string, error) { return []string{"Virtual PCD 00 00"}, nil },
		Ping:    func(context.Context) (vision.Pong, error) { return vision.Pong{OpenCV: "4.6.0"}, nil },
		Synced:  func() bool { return true },
		Dial: func(context.Context, string, string) (net.Conn, error) {
			a, b := net.Pipe()
			_ = b.Close()
			return a, nil
		},
	}
}

func find(list []health.Check, id string) (health.Check, bool) {
	for _, c := range list {
		if c.ID == id {
			return c, true
		}
	}
	return health.Check{}, false
}

func TestADeskInOrderHasNoFailures(t *testing.T) {
	list := desk(t).Examine(t.Context())
	for _, id := range []string{"config", "profile", "state", "disk", "daemon", "device.reader", "device.scanner", "device.camera", "device.worker", "models", "trust", "enrolment", "hub.key", "hub", "clock"} {
		c, ok := find(list, id)
		if !ok || c.Text == "" || c.Status == health.Fail {
			t.Errorf("%s: got %+v (there: %v)", id, c, ok)
		}
	}
	for _, c := range list {
		if c.Status != health.OK && c.Remedy == "" {
			t.Errorf("%s is %s without a remedy", c.ID, c.Status)
		}
	}
}

func TestWhatIsBrokenIsNamedWithItsRemedy(t *testing.T) {
	for name, tc := range map[string]struct {
		id, status, remedy string
		harm               func(*testing.T, *doctor.Desk)
	}{
		"a mistake in the file": {"config", health.Fail, "write it right", func(_ *testing.T, d *doctor.Desk) {
			d.Wrong = configs.Problems{{File: "tram.yaml", Line: 3, Key: "hub.broker", Text: "is none", Remedy: "write it right"}}
		}},
		"no such profile":            {"profile", health.Fail, "tram check", func(_ *testing.T, d *doctor.Desk) { d.Config.Profile = "nosuch" }},
		"a state folder open to all": {"state", health.Warn, "chmod 700", func(t *testing.T, d *doctor.Desk) { must(t, os.Chmod(d.Config.State, 0o755)) }},
		"no state folder":            {"state", health.Warn, "starts for the first time", func(t *testing.T, d *doctor.Desk) { must(t, os.RemoveAll(d.Config.State)) }},
		"a small disk":               {"disk", health.Warn, "outbox.max-mib", func(_ *testing.T, d *doctor.Desk) { d.Config.Outbox.MaxMiB = 1 << 30 }},
		"no PC/SC service":           {"device.reader", health.Fail, "pcscd", func(_ *testing.T, d *doctor.Desk) { d.Readers = refusing(pcsc.ErrNoService) }},
		"polkit refuses":             {"device.reader", health.Fail, "polkit", func(_ *testing.T, d *doctor.Desk) { d.Readers = refusing(pcsc.ErrRefused) }},
		"no reader":                  {"device.reader", health.Fail, "plug", func(_ *testing.T, d *doctor.Desk) { d.Readers = func() ([]string, error) { return nil, nil } }},
		"another reader":             {"device.reader", health.Fail, "reader.name", func(_ *testing.T, d *doctor.Desk) { d.Config.Reader.Name = "ACR1252" }},
		"no scanner":                 {"device.scanner", health.Fail, "scanner.path", func(t *testing.T, d *doctor.Desk) { must(t, os.Remove(d.Config.Scanner.Path)) }},
		"no camera":                  {"device.camera", health.Fail, "camera.source", func(_ *testing.T, d *doctor.Desk) { d.Config.Camera.Source = "/nowhere/camera" }},
		"a camera that does not answer": {"device.camera", health.Fail, "camera.source", func(_ *testing.T, d *doctor.Desk) {
			d.Config.Camera.Source = "rtsp://user:secret@camera.example/live"
			d.Dial = deaf
		}},
		"no worker":            {"device.worker", health.Fail, "tram-vision", func(_ *testing.T, d *doctor.Desk) { d.Ping = workerless }},
		"a device of nobody":   {"enrolment", health.Fail, "tram enroll", func(_ *testing.T, d *doctor.Desk) { d.Config.Device.Name = "" }},
		"no key of the hub":    {"hub.key", health.Fail, "hub.pub.jwk", func(t *testing.T, d *doctor.Desk) { must(t, os.Remove(d.Config.HubKeyPath())) }},
		"a broker that is off": {"hub", health.Warn, "network", func(_ *testing.T, d *doctor.Desk) { d.Dial = deaf }},
		"no broker":            {"hub", health.Warn, "hub.broker", func(_ *testing.T, d *doctor.Desk) { d.Config.Hub.Broker = "" }},
		"a clock of its own":   {"clock", health.Warn, "timedatectl", func(_ *testing.T, d *doctor.Desk) { d.Synced = func() bool { return false } }},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			tc.harm(t, &d)
			list := d.Examine(t.Context())
			if c, _ := find(list, tc.id); c.Status != tc.status || !strings.Contains(c.Remedy, tc.remedy) {
				t.Errorf("got %+v, want %s with %q", c, tc.status, tc.remedy)
			}
			for _, c := range list {
				if strings.Contains(c.Text+c.Remedy, "secret") {
					t.Errorf("a camera's password is told: %+v", c)
				}
			}
		})
	}
}

func TestTheDaemonsOwnFindingsTakeTheDoctorsPlace(t *testing.T) {
	d := desk(t)
	d.Daemon = []health.Check{{ID: "device.reader", Status: health.Fail, Text: "reader ACS: missing", Remedy: "plug it in"}}
	readers := 0
	for _, c := range d.Examine(t.Context()) {
		if c.ID == "device.reader" {
			readers++
			if c.Status != health.Fail {
				t.Errorf("got %+v, want what the daemon says", c)
			}
		}
	}
	if readers != 1 {
		t.Errorf("the reader is named %d times", readers)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refusing(err error) func() ([]string, error) {
	return func() ([]string, error) { return nil, err }
}

func deaf(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }

func workerless(context.Context) (vision.Pong, error) { return vision.Pong{}, vision.ErrNoWorker }

func TestAnExamDeskWithoutARoomIsWarned(t *testing.T) {
	for _, c := range []struct {
		profile, room string
		warned        bool
	}{{"exam-room", "", true}, {"exam-room", "P1", false}, {"clinic", "", false}} {
		d := desk(t)
		d.Config.Profile, d.Config.Register.Room = c.profile, c.room
		check, said := find(d.Examine(t.Context()), "room")
		if said != c.warned || said && (check.Status != health.Warn || check.Remedy == "") {
			t.Errorf("%s in room %q: %v, %+v", c.profile, c.room, said, check)
		}
	}
}
