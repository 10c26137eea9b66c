package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tram/agent/bundle"
	"tram/agent/command"
	"tram/agent/gate"
	"tram/agent/keep"
	"tram/agent/kiosk"
	"tram/agent/metrics"
	"tram/agent/notices"
	"tram/agent/passage"
	"tram/agent/profile"
	"tram/agent/pushed"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/configs"
	"tram/drivers"
	"tram/drivers/pcsc"
	"tram/drivers/printer"
	"tram/drivers/relay"
	"tram/drivers/scanner"
	"tram/sync/inbox"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/vision"
)

// Errors of starting that a person must act upon.
var (
	ErrNoHubKey  = errors.New("there is no public key of the hub, so records could not be sealed")
	ErrRunning   = errors.New("another daemon uses this state folder")
	ErrNoName    = errors.New("this device is neither enrolled nor named in its configuration")
	ErrOtherName = errors.New("the configuration names another device than the enrolment")
)

// Names of the files in the state folder.
const (
	socketFile    = "tram.sock"
	deviceKeyFile = "device.jwk"
	publicKeyFile = "device.pub.jwk"
	outboxFile    = "outbox.db"
	inboxFile     = "inbox.db"
	restKeyFile   = "rest.jwk"
	boxKeyFile    = "device-enc.jwk"
	pushedFile    = "pushed.json"
	keptDir       = "kept"
)

// SocketPath is where the daemon of a state folder answers the command line.
func SocketPath(state string) string { return filepath.Join(state, socketFile) }

// OutboxPath is the queue of a state folder.
func OutboxPath(state string) string { return filepath.Join(state, outboxFile) }

// PublicKeyPath is the file with the device's public key, for the hub's operator.
func PublicKeyPath(state string) string { return filepath.Join(state, publicKeyFile) }

// Options is what an Agent is made from.
type Options struct {
	Config  configs.Config // of the device; what the hub has pushed comes over it
	Version string
	Built   time.Time      // of the program: no clock is right that is earlier
	Actions kiosk.Actions  // the demo's virtual hands; nil on a real device
	Level   *slog.LevelVar // follows log.level; may be nil
	Tail    *bundle.Tail   // the end of the log, for support bundles; may be nil
	Log     *slog.Logger

	Clock   func() (now time.Time, right bool) // nil: the machine's, right when somebody disciplines it
	Counted func(outbox.Receipt, gate.Count)   // called after each accepted count; may be nil
}

// Agent is one device.
type Agent struct {
	opt     Options
	config  configs.Config // with what the hub has pushed and what the enrolment says
	log     *slog.Logger
	profile profile.Profile
	started time.Time

	pushed      *pushed.Store
	pushedWrong error  // why what the hub pushed is not used
	trial       string // the command whose settings this Agent tries; "" for none
	identity    identity
	hubKeys     *seal.HubPublic
	restart     chan struct{} // the Agent is to be made anew

	store    *outbox.Store
	inbox    *inbox.Inbox
	lists    *keep.Store
	board    *notices.Board
	register *register.Register
	runner   *command.Runner
	uplink   *uplink.Uplink
	metrics  *metrics.Metrics
	engine   *visit.Engine
	worker   *vision.Worker // questions about faces; nil without a camera and chip

	codeWorker *vision.Worker // looks for codes; nil without a camera for them

	reader  *pcsc.Reader
	scanner *scanner.Scanner
	printer *printer.Printer // nil without one
	camera  *counterCamera   // nil without one
	codes   *codeCamera      // nil without one
	gate    *gate.Gate
	line    *line
	passage *passage.Gate // nil but at a gate that lets people through
	relay   *relay.Relay  // nil without one
	sensor  *relay.Sensor // nil without one of its own
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
	a := &Agent{opt: opt, log: opt.Log, started: time.Now(), restart: make(chan struct{}, 1)}
	if err := opt.Config.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opt.Config.StateDir(), 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	if err := a.settle(); err != nil {
		return nil, err
	}
	if opt.Level != nil {
		_ = opt.Level.UnmarshalText([]byte(a.config.Log.Level)) // checked before
	}
	a.makeDevices()
	if err := a.openStore(); err != nil {
		return nil, errors.Join(err, a.closeStore())
	}
	if err := a.makeVisits(); err != nil {
		return nil, errors.Join(err, a.closeStore())
	}
	return a, nil
}

func (a *Agent) makeDevices() {
	c := a.config
	if c.Reader.Enabled && a.profile.Accepts(profile.EvidenceChip) {
		a.reader = pcsc.NewReader(c.Reader.Name, a.log)
		a.worker = a.newWorker()
	}
	if c.Camera.Source != "" {
		a.camera = newCounterCamera(c.Camera)
	}
	if c.Scanner.Path != "" {
		a.scanner = scanner.New(c.Scanner.Path, scanner.Options{Baud: c.Scanner.Baud, Log: a.log})
	}
	if c.Scanner.Camera != "" {
		a.codes, a.codeWorker = newCodeCamera(c), a.newWorker()
	}
	a.makePrinter()
	a.line = openLine(c.StateDir(), c.Gate.ResetTime())
	if c.Gate.Source != "" {
		a.gate = gate.New(gate.Options{
			Question: gateQuestion(c.Gate),
			Profile:  a.profile.Name, Every: c.Gate.Every.Value(),
			Counter: a.newWorker(), Recorder: recorder{a}, Counted: a.counted, Crossed: a.crossed, Log: a.log,
		})
	}
}

func (a *Agent) newWorker() *vision.Worker {
	c := a.config
	sources := []string{} // all that the configuration names, and nothing else
	for _, s := range []string{c.Camera.Source, c.Scanner.Camera, c.Gate.Source} {
		if s != "" {
			sources = append(sources, s)
		}
	}
	return vision.NewWorker(vision.Options{
		Path: c.Vision.Worker, Models: c.ModelsDir(), Log: a.log,
		Sources: sources, User: c.Vision.User, MemoryMiB: c.Vision.MemoryMiB, Face: faceModel(c.Vision),
	})
}

// slack is how much longer than the screen the engine waits for a person.
const slack = 3

func (a *Agent) makeVisits() error {
	c := a.config
	opt := visit.Options{
		// The screen counts kiosk.idle down and ends the visit itself, and starts anew at a touch, which the
		// engine does not see. This is the back-stop for when no screen is there.
		Profile: a.profile, Chip: chip{a}, Recorder: recorder{a}, Book: a.book(), Online: a.uplink, Idle: slack * c.Kiosk.Idle.Value(), Slack: slack, Catalogue: a.catalogue,
		Changed: a.changes.signal, Ended: a.metrics.Visit, Log: a.log,
	}
	if a.worker != nil {
		opt.Faces = faces{a.worker, a.camera}
	}
	if a.passage != nil {
		opt.Door = a.passage
	}
	a.engine = visit.New(opt)

	a.kioskOptions = kiosk.Options{Socket: SocketPath(c.StateDir()), Station: station{a}, Actions: a.opt.Actions, Admin: admin{a}, Metrics: a.metrics.Handler(), Desk: desk{a}, Register: registerHandler{a}, Idle: c.Kiosk.Idle.Value(), Log: a.log}
	if c.Kiosk.Enabled {
		a.kioskOptions.Addr = c.Kiosk.Listen
	}
	a.kioskOptions.Doors = a.doors()
	a.giveAccess(&a.kioskOptions)
	var err error
	if a.kiosk, err = kiosk.New(a.kioskOptions); err != nil {
		return fmt.Errorf("open the local API: %w", err)
	}
	return nil
}

// Close releases an Agent that was never run.
func (a *Agent) Close() error {
	a.engine.Close()
	return errors.Join(a.kiosk.Close(), a.closeStore())
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
// the daemon. ErrRestart says that it is to be made anew with other settings.
func (a *Agent) Run(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	for _, p := range a.parts() {
		parts.Go(func() { a.supervise(running, p) })
	}
	a.log.Info("ready", "version", a.opt.Version, "profile", a.profile.Name, "took", time.Since(a.started).Round(time.Millisecond))
	again := a.awaitRestart(ctx)
	stop()
	if a.passage != nil {
		a.passage.Stop()
	}
	a.engine.Close()
	parts.Wait()
	if err := a.closeStore(); err != nil {
		return fmt.Errorf("close the queue: %w", err)
	}
	if again {
		a.log.Info("starting anew with other settings")
		return ErrRestart
	}
	a.log.Info("stopped")
	return nil
}

// parts are what runs on this device.
func (a *Agent) parts() []part {
	parts := []part{
		{"uplink", a.uplink.Run}, {"kiosk", a.runKiosk}, {"queue", a.watchQueue},
		{"commands", a.runner.Run}, {"trial", a.runTrial}, {"register", a.runRegister}, {"notices", a.board.Run},
	}
	parts = append(parts, a.identity.parts()...)
	if a.reader != nil {
		parts = append(parts, part{"reader", a.reader.Run}, part{"cards", a.followCards}, part{"vision", a.worker.Run})
	}
	if a.scanner != nil {
		parts = append(parts, part{"scanner", a.scanner.Run}, part{"codes", a.followCodes})
	}
	if a.codes != nil {
		parts = append(parts, part{"codes before the camera", a.watchCodes})
	}
	if a.printer != nil {
		parts = append(parts, part{"printer", a.printer.Run}, part{"tickets", a.printTickets})
	}
	if a.gate != nil {
		parts = append(parts, part{"gate", a.gate.Run})
	}
	if a.relay != nil {
		parts = append(parts, part{"relay", a.relay.Run})
	}
	if a.sensor != nil {
		parts = append(parts, part{"sensor", a.sensor.Run})
	}
	return parts
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
	if a.printer != nil {
		list = append(list, a.printer.Status())
	}
	if a.worker != nil {
		states := map[vision.State]drivers.State{vision.Idle: drivers.Ready, vision.Running: drivers.Ready, vision.Waiting: drivers.Failed, vision.Absent: drivers.Missing}
		s := a.worker.Status()
		if s.Detail == "" && s.Restarts > 0 {
			s.Detail = fmt.Sprintf("started again %d times, the last %s", s.Restarts, s.Last)
		}
		list = append(list, drivers.Status{Kind: "worker", Name: "tram-vision", State: states[s.State], Detail: s.Detail, Since: s.Since})
	}
	if a.camera != nil {
		list = append(list, a.camera.Status())
	}
	if a.codes != nil {
		list = append(list, a.codes.Status())
	}
	if a.gate != nil {
		list = append(list, a.gate.Status())
	}
	if a.relay != nil {
		list = append(list, a.relay.Status())
	}
	if a.sensor != nil {
		list = append(list, a.sensor.Status())
	}
	return list
}
