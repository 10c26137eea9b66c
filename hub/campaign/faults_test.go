package campaign

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tram/hub/ca"
	"tram/sync/enroll"
	"tram/sync/keys"
	"tram/sync/seal"
	"tram/sync/wire"
)

// fault does one wrong to the world, counts it, and takes some time.
func (w *world) fault() {
	d := w.desks[w.random.IntN(len(w.desks))]
	simulated := w.desks[w.random.IntN(len(w.desks)-1)] // the daemon's clock is the machine's
	kinds := []struct {
		name string
		do   func()
	}{
		{"device killed", func() { d.kill(); w.pause(200); d.start() }},
		{"device killed", func() { d.kill(); d.start() }},
		{"hub killed", func() { h := w.hubs[w.random.IntN(len(w.hubs))]; h.kill(); w.pause(300); h.start() }},
		{"broker killed", func() { w.broker.Kill(); w.pause(300); w.broker.Restart() }},
		{"all hubs down, broker up", w.hubsDown},
		{"network of a device gone", func() { w.proxy.part(d.name, true); w.pause(500); w.proxy.part(d.name, false) }},
		{"network of all gone", func() { w.proxy.part("", true); w.pause(500); w.proxy.part("", false) }},
		{"connections cut", func() { w.proxy.cut("") }},
		{"clock stepped by years", func() { w.step(simulated) }},
		{"long outage", func() { w.outage(simulated) }},
		{"certificate ended", func() { w.expire(d) }},
		{"two with one identity", w.twin},
		{"outbox damaged", w.damage},
		{"database killed", w.crash},
	}
	k := kinds[w.random.IntN(len(kinds))]
	if k.name == "database killed" && w.postgres == nil {
		return
	}
	w.faults[k.name]++
	k.do()
}

// pause waits up to so many milliseconds: when a fault ends is its input.
func (w *world) pause(ms int) { time.Sleep(time.Duration(w.random.IntN(ms)) * time.Millisecond) }

func (w *world) hubsDown() {
	for _, h := range w.hubs {
		h.kill()
	}
	w.pause(700)
	for _, h := range w.hubs {
		h.start()
	}
}

func (w *world) crash() {
	w.postgres.Crash()
	w.pause(300)
	w.postgres.Start()
}

// years is a step of the clock: 6 to 40 years, to either side.
func (w *world) years() time.Duration {
	step := time.Duration(6+w.random.IntN(35)) * 365 * 24 * time.Hour
	if w.random.IntN(2) == 0 {
		return -step
	}
	return step
}

// step sets a device's clock to a wrong time, then back.
func (w *world) step(d *desk) {
	d.orders.Wall = w.years()
	d.give(w.t)
	w.pause(400)
	if w.random.IntN(3) == 0 {
		d.kill()
		d.start()
		w.pause(200)
	}
	d.orders.Wall = 0
	d.give(w.t)
}

// outage takes a device's network for a simulated month or more, in which it
// records faster than before.
func (w *world) outage(d *desk) {
	d.orders.Pause = time.Millisecond
	w.proxy.part(d.name, true)
	for range 3 {
		d.orders.Boot += time.Duration(10+w.random.IntN(20)) * 24 * time.Hour
		d.orders.Wall = 0
		d.give(w.t)
		w.pause(400)
	}
	// The machine slept; now its wall clock is the true time again.
	d.orders.Pause, d.orders.Wall = 25*time.Millisecond, -d.orders.Boot
	d.give(w.t)
	w.proxy.part(d.name, false)
	d.orders.Wall = -d.orders.Boot
}

// expire puts a certificate that ended an hour ago in the place of a device's:
// it has to get a new one by its key, from a hub that may be dead.
func (w *world) expire(d *desk) {
	key, err := keys.Open(keys.DefaultReference, keys.Options{State: d.state})
	if err != nil {
		w.t.Fatal(err)
	}
	defer key.Close()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		w.t.Fatal(err)
	}
	csr := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	payload, err := json.Marshal(wire.Renewal{Device: d.name, CA: w.past.Fingerprint(), CSR: csr})
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := seal.SignStatement(key, wire.RenewalType, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	jwk, err := key.JWK()
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.past.Renew(wire.RenewRequest{V: 1, Device: d.name, Signed: signed}, registry{jwk})
	if err != nil {
		w.t.Fatal(err)
	}
	d.kill()
	for _, name := range []string{enroll.NewFile, enroll.PrevFile} {
		_ = os.Remove(filepath.Join(d.state, name)) // it may not be there
	}
	if err := os.WriteFile(filepath.Join(d.state, enroll.CertFile), []byte(answer.Certificate), 0o600); err != nil {
		w.t.Fatal(err)
	}
	d.start()
}

// registry knows one device's key.
type registry struct{ jwk []byte }

var _ ca.Devices = registry{}

func (r registry) Key(string, string) (*seal.PublicKey, error) { return seal.ParseDevicePublic(r.jwk) }
func (r registry) Enrol(string, []byte, []byte) error          { return nil }

// twin starts a copy of a device with the same key and certificate and an
// empty queue, which records ten times under numbers that are taken.
func (w *world) twin() {
	var d *desk
	for _, d = range w.desks {
		if d.name == cloned {
			break
		}
	}
	if s := d.seen.Load(); s == nil || s.delivered < 30 {
		w.pause(100)
		return // its first numbers are not taken yet
	}
	state, err := os.MkdirTemp("", "tram-c-")
	if err != nil {
		w.t.Fatal(err)
	}
	defer os.RemoveAll(state)
	for _, name := range []string{enroll.File, enroll.CertFile, enroll.CAFile, enroll.KeysFile, enroll.BoxFile, "device.jwk"} {
		b, err := os.ReadFile(filepath.Join(d.state, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(state, name), b, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	t := &desk{name: "twin", state: state, orders: orders{Accept: true, Most: 10, MaxBytes: 64 << 20}}
	t.give(w.t)
	t.program = w.child("twin", state, t)
	t.program.line = nil // what a twin accepts is nobody's record
	t.start()
	time.Sleep(time.Duration(300+w.random.IntN(700)) * time.Millisecond)
	t.kill()
	w.twins++
}

// damage flips bits of a device's outbox, or cuts it, while the device is down.
func (w *world) damage() {
	for _, d := range w.desks {
		if d.name != damaged {
			continue
		}
		d.kill()
		path := filepath.Join(d.state, "outbox.db")
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			d.start() // it was killed between keeping a damaged file aside and making the next
			return
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if w.random.IntN(3) == 0 && len(b) > 0 {
			b = b[:w.random.IntN(len(b))]
		}
		for range 1 + w.random.IntN(8) {
			if len(b) > 0 {
				b[w.random.IntN(len(b))] ^= 1 << w.random.IntN(8)
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			w.t.Fatal(err)
		}
		d.start()
	}
}

// heal ends all faults.
func (w *world) heal() {
	w.proxy.behave(false)
	for _, h := range w.hubs {
		h.start()
	}
	for _, d := range w.desks {
		d.orders.Accept, d.orders.Pause = false, 25*time.Millisecond
		d.orders.Wall = -d.orders.Boot
		d.give(w.t)
		if d.name == daemon {
			d.kill() // its pauses between connections are those of a product
		}
		d.start()
	}
}
