package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tram/agent/gate"
	"tram/agent/kiosk"
	"tram/agent/profile"
	"tram/agent/visit"
	"tram/configs"
	"tram/drivers"
	"tram/drivers/pcsc"
	"tram/drivers/scanner"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
	"tram/vision"
)

// Errors of starting that a person must act upon.
var (
	ErrNoHubKey = errors.New("there is no public key of the hub, so records could not be sealed")
	ErrRunning  = errors.New("another daemon uses this state folder")
)

// Names of the files in the state folder.
const (
	socketFile    = "tram.sock"
	deviceKeyFile = "device.jwk"
	publicKeyFile = "device.pub.jwk"
	outboxFile    = "outbox.db"
)

// SocketPath is where the daemon of a state folder answers the command line.
func SocketPath(state string) string { return filepath.Join(state, socketFile) }

// OutboxPath is the queue of a state folder.
func OutboxPath(state string) string { return filepath.Join(state, outboxFile) }

// PublicKeyPath is the file with the device's public key, for the hub's operator.
func PublicKeyPath(state string) string { return filepath.Join(state, publicKeyFile) }

// Options is what an Agent is made from.
type Options struct {
	Config  configs.Config
	Version string
	Actions kiosk.Actions // the demo's virtual hands; nil on a real device
	Log     *slog.Logger

	Counted func(outbox.Receipt, gate.Count) // called after each accepted count; may be nil
}

// Agent is one device.
type Agent struct {
	opt     Options
	log     *slog.Logger
	profile profile.Profile
	started time.Time

	store   *outbox.Store
	uplink  *uplink.Uplink
	engine  *visit.Engine
	worker  *vision.Worker // questions about faces; nil without a camera and chip
	reader  *pcsc.Reader
	scanner *scanner.Scanner
	camera  *counterCamera // nil without one
	gate    *gate.Gate
	kiosk   *kiosk.Server // the first; a restart makes another

	kioskOptions kiosk.Options
	kioskServed  bool // only runKiosk's

	changes broadcast
	recent  recentRecords

	lastRead atomic.Value // string: how the last chip was read, for a technician
}

// New opens the state folder and builds the parts; nothing runs yet. Close an
// Agent that is never run.
func New(opt Options) (*Agent, error) {
	a := &Agent{opt: opt, log: opt.Log, started: time.Now()}
	if err := opt.Config.Check(); err != nil {
		return nil, err
	}
	var err error
	if a.profile, err = profile.Load(opt.Config.Profile); err != nil {
		return nil, err
	}
	if problems := a.profile.Fits("configuration", nil, opt.Config); len(problems) > 0 {
		return nil, problems
	}
	if err := os.MkdirAll(opt.Config.StateDir(), 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	if err := a.openStore(); err != nil {
		return nil, err
	}
	a.makeDevices()
	if err := a.makeVisits(); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

// openStore opens the keys and the queue, and makes the uplink that empties it.
func (a *Agent) openStore() error {
	c := a.opt.Config
	device, err := seal.LoadOrCreateDeviceKey(filepath.Join(c.StateDir(), deviceKeyFile))
	if err != nil {
		return fmt.Errorf("open the device's key: %w", err)
	}
	if err := device.WritePublic(PublicKeyPath(c.StateDir())); err != nil {
		return fmt.Errorf("write the device's public key: %w", err)
	}
	hub, err := seal.LoadHubKeys(c.HubKeyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrNoHubKey, c.HubKeyPath())
	}
	if err != nil {
		return fmt.Errorf("read the hub's key: %w", err)
	}
	sealer, err := seal.NewSealer(device, hub.Encryption())
	if err != nil {
		return fmt.Errorf("prepare sealing: %w", err)
	}
	a.store, err = outbox.Open(OutboxPath(c.StateDir()), outbox.Options{
		Source: wire.Source(c.Device.Name), Seal: sealer.Seal, MaxBytes: int64(c.Outbox.MaxMiB) << 20, Log: a.log,
	})
	if errors.Is(err, outbox.ErrLocked) {
		return fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	a.uplink, err = uplink.New(uplink.Options{Broker: c.Hub.Broker, Site: c.Device.Site, Device: c.Device.Name, Store: a.store, Log: a.log})
	if err != nil {
		return errors.Join(fmt.Errorf("prepare the uplink: %w", err), a.store.Close())
	}
	return nil
}

func (a *Agent) makeDevices() {
	c := a.opt.Config
	if c.Reader.Enabled && a.profile.Accepts(profile.EvidenceChip) {
		a.reader = pcsc.NewReader(c.Reader.Name, a.log)
		a.worker = a.newWorker()
	}
	if c.Camera.Source != "" && a.worker != nil {
		a.camera = newCounterCamera(c.Camera.Source)
	}
	if c.Scanner.Path != "" {
		a.scanner = scanner.New(c.Scanner.Path, scanner.Options{Baud: c.Scanner.Baud, Log: a.log})
	}
	if c.Gate.Source != "" {
		a.gate = gate.New(gate.Options{
			Question: vision.CountQuestion{Source: c.Gate.Source, Line: c.Gate.Line, Detector: c.Gate.Detector},
			Profile:  a.profile.Name, Every: c.Gate.Every.Value(),
			Counter: a.newWorker(), Recorder: a.store, Counted: a.counted, Log: a.log,
		})
	}
}

func (a *Agent) newWorker() *vision.Worker {
	c := a.opt.Config
	return vision.NewWorker(vision.Options{Path: c.Vision.Worker, Models: c.ModelsDir(), Log: a.log})
}

func (a *Agent) makeVisits() error {
	c := a.opt.Config
	opt := visit.Options{
		// The screen counts kiosk.idle down and ends the visit itself, and starts anew at a touch, which the
		// engine does not see. This is the back-stop for when no screen is there.
		Profile: a.profile, Chip: chip{a}, Recorder: recorder{a}, Idle: 3 * c.Kiosk.Idle.Value(),
		Changed: a.changes.signal, Log: a.log,
	}
	if a.worker != nil {
		opt.Faces = faces{a.worker, a.camera}
	}
	a.engine = visit.New(opt)

	a.kioskOptions = kiosk.Options{Socket: SocketPath(c.StateDir()), Station: station{a}, Actions: a.opt.Actions, Admin: admin{a}, Idle: c.Kiosk.Idle.Value(), Log: a.log}
	if c.Kiosk.Enabled {
		a.kioskOptions.Addr = c.Kiosk.Listen
	}
	var err error
	if a.kiosk, err = kiosk.New(a.kioskOptions); err != nil {
		return fmt.Errorf("open the local API: %w", err)
	}
	return nil
}

// Close releases an Agent that was never run.
func (a *Agent) Close() error {
	a.engine.Close()
	return errors.Join(a.kiosk.Close(), a.store.Close())
}

// LastRead tells how the last chip was read: access, files and link, nothing of
// the person.
func (a *Agent) LastRead() string {
	text, _ := a.lastRead.Load().(string)
	return text
}

// Addr is the address of the screen, empty when there is none.
func (a *Agent) Addr() string { return a.kiosk.Addr() }

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// Run runs the device until ctx ends and returns when every part has stopped
// and the queue is closed. A part that fails is started again; none of them ends
// the daemon.
func (a *Agent) Run(ctx context.Context) error {
	parts := []part{{"uplink", a.uplink.Run}, {"kiosk", a.runKiosk}, {"queue", a.watchQueue}}
	if a.reader != nil {
		parts = append(parts, part{"reader", a.reader.Run}, part{"cards", a.followCards}, part{"vision", a.worker.Run})
	}
	if a.scanner != nil {
		parts = append(parts, part{"scanner", a.scanner.Run}, part{"codes", a.followCodes})
	}
	if a.gate != nil {
		parts = append(parts, part{"gate", a.gate.Run})
	}
	var running sync.WaitGroup
	for _, p := range parts {
		running.Go(func() { a.supervise(ctx, p) })
	}
	a.log.Info("ready", "version", a.opt.Version, "profile", a.profile.Name, "took", time.Since(a.started).Round(time.Millisecond))
	<-ctx.Done()
	a.engine.Close()
	running.Wait()
	if err := a.store.Close(); err != nil {
		return fmt.Errorf("close the queue: %w", err)
	}
	a.log.Info("stopped")
	return nil
}

// runKiosk serves the screen. A server that failed has closed its listeners, so
// the next one listens anew.
func (a *Agent) runKiosk(ctx context.Context) error {
	server := a.kiosk
	if a.kioskServed {
		var err error
		if server, err = kiosk.New(a.kioskOptions); err != nil {
			return err
		}
	}
	a.kioskServed = true
	return server.Run(ctx)
}

// statuses is what every device says about itself.
func (a *Agent) statuses() []drivers.Status {
	list := []drivers.Status{}
	if a.reader != nil {
		list = append(list, a.reader.Status())
	}
	if a.scanner != nil {
		list = append(list, a.scanner.Status())
	}
	if a.worker != nil {
		states := map[vision.State]drivers.State{vision.Idle: drivers.Ready, vision.Running: drivers.Ready, vision.Waiting: drivers.Failed, vision.Absent: drivers.Missing}
		s := a.worker.Status()
		list = append(list, drivers.Status{Kind: "worker", Name: "tram-vision", State: states[s.State], Detail: s.Detail, Since: s.Since})
	}
	if a.camera != nil {
		list = append(list, a.camera.Status())
	}
	if a.gate != nil {
		list = append(list, a.gate.Status())
	}
	return list
}
