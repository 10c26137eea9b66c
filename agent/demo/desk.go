package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tram/agent"
	"tram/agent/bundle"
	"tram/agent/gate"
	"tram/agent/kiosk"
	"tram/agent/profile"
	"tram/configs"
	"tram/drivers/sim"
	"tram/drivers/sim/picture"
	"tram/drivers/sim/vreader"
	"tram/sync/outbox"
)

// deviceName is how the demo's device is known to its hub.
const (
	deviceName = "demo-1"
	deviceSite = "buon-ma-thuot"
)

// portraitSeed is the invented face of the demo's citizen.
const portraitSeed = picture.DefaultSeed

// visitorFrames is how many pictures the person stands before the camera.
const visitorFrames = 3

// streetSeed is the invented street before the demo's gate.
const streetSeed = 1

// DefaultProfile is the counter that the demo plays.
const DefaultProfile = "clinic"

// Options is what a Desk is made from.
type Options struct {
	Listen  string // address of the screen; empty: no screen
	Profile string // kind of counter; empty: DefaultProfile
	Models  string // folder of the networks
	Version string
	Log     *slog.Logger

	artist  *artist                  // nil: the invented citizen
	tail    *bundle.Tail             // the end of the log; nil: none
	through func(addr string) string // another address on the way to the hub's broker; nil: none
}

// artist draws the citizen: a second for each picture.
type artist struct {
	portrait func() []byte        // JPEG, as in the chip
	visitor  func() []image.Image // before the camera
}

func citizenArtist() *artist {
	return &artist{
		portrait: func() []byte { return picture.PortraitJPEG(portraitSeed) },
		visitor:  func() []image.Image { return picture.Visitor(portraitSeed, visitorFrames) },
	}
}

// Desk is a counter with everything on it, and the hub it reports to.
type Desk struct {
	opt    Options
	dir    string
	hub    *hubProcess
	reader *vreader.Reader
	agent  *agent.Agent
	client *kiosk.Client
	scan   *sim.Scanner
	pki    *sim.PKI
	board  *sim.Relay // nil but at a gate that lets people through
	street *picture.Street

	portrait    func() []byte // the picture in the chip, drawn once
	stopDrawing context.CancelFunc
	camera      chan struct{} // closed when the person before the camera is drawn, or never will be
	drawn       chan struct{} // closed when the gate's pictures are drawn too, or never will be
	drawErr     error         // why they are not there; valid after drawn

	counted chan gate.Count
	ran     atomic.Bool // the daemon was run, which closes it

	mu   sync.Mutex
	lift context.CancelFunc // takes the card off the reader; nil when none lies there
	laid sync.WaitGroup

	walking sync.WaitGroup
}

// Open sets the desk up in a temporary folder. Run runs it and Close removes
// every trace.
func Open(ctx context.Context, opt Options) (*Desk, error) {
	if opt.artist == nil {
		opt.artist = citizenArtist()
	}
	d := &Desk{
		opt: opt, counted: make(chan gate.Count, 64), camera: make(chan struct{}), drawn: make(chan struct{}),
		portrait: sync.OnceValue(opt.artist.portrait),
		street:   picture.NewStreet(streetSeed),
	}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Desk) open(ctx context.Context) error {
	var err error
	if d.dir, err = os.MkdirTemp("", "tram-demo-"); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	// The drawing goes on after Open; Close ends it.
	drawing, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stopDrawing = stop
	go d.drawPictures(drawing)
	program, err := findProgram("tram-hub")
	if err != nil {
		return err
	}
	d.hub = &hubProcess{program: program, dir: d.path("hub")}
	if err := os.Mkdir(d.hub.dir, 0o700); err != nil {
		return fmt.Errorf("make the hub's folder: %w", err)
	}
	if err := d.hub.start(ctx); err != nil {
		return err
	}
	if d.reader, err = vreader.Start(ctx); err != nil {
		return fmt.Errorf("start the virtual reader: %w", err)
	}
	if d.scan, err = sim.NewScanner(); err != nil {
		return fmt.Errorf("make the virtual scanner: %w", err)
	}
	if d.registerKind() == profile.RegisterPassages {
		if d.board, err = sim.NewRelay(); err != nil {
			return fmt.Errorf("make the virtual relay board: %w", err)
		}
		d.walking.Go(func() { d.walk(drawing) })
	}
	if d.pki, err = sim.NewPKI(); err != nil {
		return fmt.Errorf("make the test signer: %w", err)
	}
	if err := d.pki.WriteTrust(d.path("trust")); err != nil {
		return fmt.Errorf("fill the trust store: %w", err)
	}
	d.agent, err = agent.New(agent.Options{
		Config: d.config(), Version: d.opt.Version, Actions: d, Tail: d.opt.tail, Log: d.opt.Log,
		Counted: func(_ outbox.Receipt, c gate.Count) { d.counted <- c },
	})
	if err != nil {
		return fmt.Errorf("make the daemon: %w", err)
	}
	d.client = kiosk.Dial(agent.SocketPath(d.path("state")))
	if err := d.register(); err != nil {
		return err
	}
	return d.orderLists(ctx)
}

func (d *Desk) path(name string) string { return filepath.Join(d.dir, name) }

// count keeps a count for whoever plays; without a player nobody takes it.
func (d *Desk) count(_ outbox.Receipt, c gate.Count) {
	select {
	case d.counted <- c:
	default:
	}
}

// drawPictures draws what the cameras see while the desk is used already: to the
// daemon, cameras that are plugged in a little later. Each folder appears whole.
// It ends early when ctx does.
func (d *Desk) drawPictures(ctx context.Context) {
	defer close(d.drawn)
	err := d.drawVisitor(ctx)
	close(d.camera)
	if err == nil {
		err = d.appear("gate", func(dir string) error { return writeStreet(ctx, dir, d.street) })
	}
	d.drawErr = err
	if err != nil && ctx.Err() == nil {
		d.opt.Log.Error("the cameras have no pictures", "err", err)
	}
}

func (d *Desk) drawVisitor(ctx context.Context) error {
	d.portrait()
	return d.appear("camera", func(dir string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		frames := d.opt.artist.visitor()
		if err := ctx.Err(); err != nil {
			return err
		}
		return picture.WriteFrames(dir, frames)
	})
}

// writeStreet writes every frame of the street into dir, in the order of their
// names, until ctx ends.
func writeStreet(ctx context.Context, dir string, street *picture.Street) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of frames: %w", err)
	}
	for i := range street.Frames {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("frame-%04d.jpg", i))
		if err := os.WriteFile(name, picture.JPEG(street.Frame(i), 90), 0o600); err != nil {
			return fmt.Errorf("write frame %d: %w", i, err)
		}
	}
	return nil
}

// appear lets a folder that write has filled appear under its name.
func (d *Desk) appear(name string, write func(dir string) error) error {
	hidden := d.path("." + name)
	if err := write(hidden); err != nil {
		return fmt.Errorf("draw the pictures of the %s: %w", name, err)
	}
	if err := os.Rename(hidden, d.path(name)); err != nil {
		return fmt.Errorf("show the pictures of the %s: %w", name, err)
	}
	return nil
}

// config is what a technician would have written for this desk.
func (d *Desk) config() configs.Config {
	c := configs.Default()
	c.Device.Name, c.Device.Site = deviceName, deviceSite
	c.Profile = cmp.Or(d.opt.Profile, DefaultProfile)
	c.State = d.path("state")
	c.Trust = d.path("trust")
	c.Reader.Name = d.reader.Names()[0]
	c.Scanner.Path = d.scan.Path()
	c.Camera.Source = d.path("camera")
	c.Gate.Source = d.path("gate")
	c.Gate.Line = d.street.Line
	c.Vision.Models = d.opt.Models
	if d.board != nil {
		c.Passage.Relay, c.Passage.Sensor, c.Passage.Direction = d.board.Path(), "board", "both"
	}
	addr := d.hub.addr
	if d.opt.through != nil {
		addr = d.opt.through(addr)
	}
	c.Hub.Broker = "tcp://" + addr
	c.Hub.Key = filepath.Join(d.hub.dir, "hub.pub.jwk")
	c.Kiosk.Enabled = d.opt.Listen != ""
	if d.opt.Listen != "" {
		c.Kiosk.Listen = d.opt.Listen
	}
	return c
}

// register gives the device's public key to the hub, as its operator does.
func (d *Desk) register() error {
	key, err := os.ReadFile(agent.PublicKeyPath(d.path("state")))
	if err != nil {
		return fmt.Errorf("read the device's public key: %w", err)
	}
	devices := filepath.Join(d.hub.dir, "devices")
	if err := os.MkdirAll(devices, 0o700); err != nil {
		return fmt.Errorf("register the device: %w", err)
	}
	if err := os.WriteFile(filepath.Join(devices, deviceName+".jwk"), key, 0o600); err != nil {
		return fmt.Errorf("register the device: %w", err)
	}
	return nil
}

// CameraReady is closed when the person stands before the camera, or never will.
func (d *Desk) CameraReady() <-chan struct{} { return d.camera }

// Addr is where the screen is.
func (d *Desk) Addr() string { return d.agent.Addr() }

// Run runs the daemon until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	d.ran.Store(true)
	return d.agent.Run(ctx)
}

// Close takes everything away: card, reader, hub and files. The daemon must not
// be running any more.
func (d *Desk) Close() error {
	var errs []error
	d.takeCard()
	if d.stopDrawing != nil {
		d.stopDrawing()
		<-d.drawn
		d.walking.Wait()
	}
	if d.agent != nil && !d.ran.Load() {
		errs = append(errs, d.agent.Close())
	}
	if d.scan != nil {
		errs = append(errs, d.scan.Close())
	}
	if d.board != nil {
		errs = append(errs, d.board.Close())
	}
	if d.reader != nil {
		errs = append(errs, d.reader.Close())
	}
	if d.hub != nil {
		d.hub.stop()
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// Do is the demo's pair of hands; the buttons of the screen call it.
func (d *Desk) Do(ctx context.Context, action string) error {
	citizen := sim.DefaultCitizen()
	switch action {
	case "scan-qr":
		return d.scan.Type(ctx, citizen.QR2021())
	case "scan-wrong":
		return d.scan.Type(ctx, "https://example.vn/")
	case "lay-card":
		return d.layCard(citizen)
	case "lay-tampered-card":
		return d.layCard(citizen, sim.TamperDG2())
	case "lay-wrong-card":
		return d.layCard(others()[0])
	case "take-card":
		d.takeCard()
		return nil
	case "hub-stop":
		d.hub.stop()
		return nil
	case "hub-start":
		return d.hub.start(ctx)
	}
	return kiosk.ErrUnknownAction
}

// layCard puts a card into the first slot of the virtual reader.
func (d *Desk) layCard(c sim.Citizen, faults ...sim.Option) error {
	card, err := sim.NewCard(c, d.pki, d.portrait(), faults...)
	if err != nil {
		return fmt.Errorf("personalise the card: %w", err)
	}
	d.takeCard()
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx, lift := context.WithCancel(context.Background())
	d.lift = lift
	d.laid.Go(func() {
		if err := sim.Insert(ctx, d.reader.Slot(0), card); err != nil && ctx.Err() == nil {
			d.opt.Log.Warn("the virtual card fell off the reader", "err", err)
		}
	})
	return nil
}

func (d *Desk) takeCard() {
	d.mu.Lock()
	lift := d.lift
	d.lift = nil
	d.mu.Unlock()
	if lift != nil {
		lift()
		d.laid.Wait()
	}
}

// others are further invented citizens, who come with the code of a 2024 card.
func others() []sim.Citizen {
	var list []sim.Citizen
	for _, o := range []struct{ id, name, birth, gender string }{
		{"098195000123", "Trần Thị Mẫu", "20/10/1995", "Nữ"},
		{"097204000456", "Lê Văn Ví Dụ", "05/07/2004", "Nam"},
		{"099301000789", "Phạm Thị Thử Nghiệm", "30/11/2001", "Nữ"},
	} {
		c := sim.DefaultCitizen()
		c.IDCode, c.PersonName, c.DateOfBirth, c.Gender = o.id, o.name, o.birth, o.gender
		c.OldIDCode, c.IssueDate = "", "02/07/2024"
		list = append(list, c)
	}
	return list
}

// patience is how long one step may take on a slow machine before it counts as
// hung.
const patience = 60 * time.Second

// lastWord is how long the daemon may take to say how far the records came.
const lastWord = 5 * time.Second
