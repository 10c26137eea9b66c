package campaign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/hub/ca"
	"tram/hub/hubtest"
	"tram/sync/keys"
	"tram/testdata"
)

// The devices. Each is killed; beside that:
const (
	small   = "desk-small"   // has a small outbox: records are discarded by policy
	cloned  = "desk-cloned"  // has a twin with its key and its certificate
	damaged = "desk-damaged" // has a disk that damages its outbox
	daemon  = "desk-daemon"  // is the real tram program, at which visits are made
)

// desk is one device of the campaign.
type desk struct {
	*program
	name, state string
	orders      orders
	seen        atomic.Pointer[stat]
	client      *kiosk.Client // of the daemon
}

// stat is what a device says of its queue.
type stat struct {
	accepted, delivered, pending uint64
	link                         string
}

// world is everything that runs.
type world struct {
	t        *testing.T
	random   *rand.Rand
	bin, dir string // programs, the hub's data
	dsn      string
	broker   *hubtest.SecureMosquitto
	postgres *hubtest.Postgres // nil: the embedded store
	past     *ca.Authority     // issues certificates that have ended
	proxy    *proxy
	hubs     []*program
	desks    []*desk
	oracle   *oracle
	faults   map[string]int
	refused  atomic.Int64 // by a full outbox
	failed   atomic.Int64 // not accepted, and said so
	twins    int
}

// programs builds tram and tram-hub.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tram-campaign-bin-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", "./cmd/tram", "./cmd/tram-hub")
	cmd.Dir = testdata.Project(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build: %w\n%s", err, out)
	}
	return dir, nil
})

func (w *world) run(name string, args ...string) []byte {
	w.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(filepath.Join(w.bin, name), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, args[0], err, errs.String())
	}
	return out.Bytes()
}

// newWorld starts everything: with PostgreSQL two hubs, else one.
func newWorld(t *testing.T, seed uint64, database bool) *world {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), bin: bin, dir: t.TempDir(), faults: map[string]int{}, oracle: newOracle(t)}
	authority, err := ca.Open(ca.Folder(w.dir), ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.past, err = ca.Open(ca.Folder(w.dir), ca.Options{DeviceLife: time.Minute, Now: func() time.Time { return time.Now().Add(-time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	w.broker = hubtest.StartSecureMosquitto(t, authority)
	w.proxy = startProxy(t, w.broker.Addr, authority, seed)
	enrol := freeAddr(t)
	n := 1
	if database {
		n = 2
		w.postgres = hubtest.StartPostgres(t, "fsync=off")
		w.dsn = w.postgres.Database()
	}
	for i := range n {
		args := []string{"run", "--data", w.dir, "--mqtt", w.broker.HubURL, "--certificate-life", "1m"}
		if database {
			args = append(args, "--postgres", w.dsn)
		}
		if i == 0 {
			args = append(args, "--enroll", enrol, "--enroll-broker", "ssl://"+w.proxy.listener.Addr().String())
		}
		ready := make(chan struct{})
		var once sync.Once
		h := &program{t: t, name: fmt.Sprintf("tram-hub %d", i+1), errs: true,
			make: func() *exec.Cmd { return exec.Command(filepath.Join(bin, "tram-hub"), args...) },
			line: func(s string, _ bool) {
				if strings.HasPrefix(s, "tram-hub: ready") {
					once.Do(func() { close(ready) })
				}
			}}
		h.start()
		t.Cleanup(h.kill)
		w.hubs = append(w.hubs, h)
		select {
		case <-ready:
		case <-time.After(time.Minute):
			t.Fatalf("%s is not ready", h.name)
		}
	}
	for _, name := range []string{small, cloned, damaged, daemon} {
		w.desks = append(w.desks, w.newDesk(name, "https://"+enrol))
	}
	return w
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newDesk enrols a device and starts it.
func (w *world) newDesk(name, enrol string) *desk {
	w.t.Helper()
	state, err := os.MkdirTemp("", "tram-c-") // short, for the socket's name
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = os.RemoveAll(state) })
	code := strings.TrimSpace(string(w.run("tram-hub", "code", "new", name, "--site", "ward-7", "--data", w.dir)))
	w.run("tram", "enroll", "--hub", enrol, code, "--state", state)
	key, err := keys.Open(keys.DefaultReference, keys.Options{State: state})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = key.Close() })
	w.proxy.mu.Lock()
	w.proxy.keys[name] = key.Signer
	w.proxy.mu.Unlock()
	d := &desk{name: name, state: state}
	if name == daemon {
		config := filepath.Join(state, "tram.yaml")
		text := fmt.Sprintf("state: %s\nreader: {enabled: false}\nkiosk: {enabled: false}\n", state)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
		d.client = kiosk.Dial(agent.SocketPath(state))
		d.program = &program{t: w.t, name: name, make: func() *exec.Cmd { return exec.Command(filepath.Join(w.bin, "tram"), "run", "--config", config) }}
	} else {
		d.orders = orders{Accept: true, Pause: 25 * time.Millisecond, MaxBytes: 64 << 20}
		if name == small {
			d.orders.MaxBytes = 256 << 10
		}
		d.program = w.child(name, state, d)
	}
	d.give(w.t)
	d.start()
	w.t.Cleanup(d.kill)
	return d
}

// child is this test binary as a device.
func (w *world) child(name, state string, d *desk) *program {
	return &program{t: w.t, name: name,
		make: func() *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+state)
			return cmd
		},
		line: func(line string, _ bool) {
			var s stat
			var seq uint64
			var r said
			switch line[0] {
			case 'a':
				if _, err := fmt.Sscanf(line, "a %d %s %s", &seq, &r.id, &r.class); err == nil {
					w.oracle.accepted(name, seq, r)
				}
			case 's':
				if _, err := fmt.Sscanf(line, "s %d %d %d %s", &s.accepted, &s.delivered, &s.pending, &s.link); err == nil {
					d.seen.Store(&s)
				}
			case 'f':
				w.refused.Add(1)
			case 'e':
				w.failed.Add(1)
			}
		}}
}

// give writes a device's orders.
func (d *desk) give(t *testing.T) {
	t.Helper()
	b, err := json.Marshal(d.orders)
	if err == nil {
		err = os.WriteFile(filepath.Join(d.state, "orders.tmp"), b, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(d.state, "orders.tmp"), filepath.Join(d.state, "orders.json"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
