package kiosk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
	"tram/configs"
	"tram/drivers/sim"
	"tram/drivers/sim/vreader"
	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/seal"

	"github.com/chromedp/chromedp"
)

// A bench is what stands around every counter: a hub, a reader under pcscd, a
// scanner on a serial line, and who signs cards.
type bench struct {
	hub    *hubtest.Hub
	dir    string // the hub's
	reader *vreader.Reader
	scan   *sim.Scanner
	pki    *sim.PKI
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	var err error
	if b.reader, err = vreader.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.reader.Close() })
	if b.scan, err = sim.NewScanner(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.scan.Close() })
	if b.pki, err = sim.NewPKI(); err != nil {
		t.Fatal(err)
	}
	b.hub = hubtest.StartHub(t, b.dir, hub.Options{CommandRepeat: 100 * time.Millisecond})
	return b
}

// written is a log that several goroutines write to.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// A stand is a counter: the real daemon with a profile, played through the browser.
type stand struct {
	*bench
	t     testing.TB
	name  string
	addr  string
	state string
	log   *written
	lift  context.CancelFunc // takes the card away
	laid  sync.WaitGroup
}

// clerkName and clerkPIN are who works at every counter.
const (
	clerkName = "mai"
	clerkPIN  = "482913"
)

// open runs the daemon for the test's time.
func (b *bench) open(t testing.TB, profile string, change ...func(*configs.Config)) *stand {
	t.Helper()
	c := &stand{bench: b, t: t, name: "play-" + profile, log: new(written), state: t.TempDir()}
	state := c.state
	cfg := configs.Default()
	cfg.Device.Name, cfg.Device.Site, cfg.State, cfg.Profile = c.name, "mau", state, profile
	if b.reader != nil {
		cfg.Reader.Name, cfg.Scanner.Path = b.reader.Names()[0], b.scan.Path()
	}
	cfg.Trust = filepath.Join(state, "trust")
	cfg.Kiosk.Listen = "127.0.0.1:0"
	cfg.Hub.Broker, cfg.Hub.Key = "tcp://"+b.hub.Addr, filepath.Join(b.dir, "hub.pub.jwk")
	cfg.Vision.Worker = worker(t)
	for _, f := range change {
		f(&cfg)
	}
	key, err := seal.LoadOrCreateDeviceKey(filepath.Join(state, "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := key.WritePublic(filepath.Join(b.dir, "devices", c.name+".jwk")); err != nil {
		t.Fatal(err)
	}
	if err := b.pki.WriteTrust(cfg.Trust); err != nil {
		t.Fatal(err)
	}
	if err := signin.OpenPeople(state).Set(clerkName, signin.Clerk, clerkPIN, time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := make(chan string, 1), make(chan error, 1)
	opt := agent.Options{Config: cfg, Version: "test", Log: slog.New(slog.NewTextHandler(c.log, nil))}
	go func() { done <- agent.Serve(ctx, opt, nil, func(a *agent.Agent) { addr <- a.Addr() }) }()
	t.Cleanup(func() {
		c.takeCard()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the daemon ended with: %v", err)
		}
		for _, of := range personal(sim.DefaultCitizen()) {
			if strings.Contains(c.log.String(), of) {
				t.Error("the log holds something of the person")
			}
		}
	})
	select {
	case c.addr = <-addr:
	case err := <-done:
		done <- err
		t.Fatalf("the daemon ended at once: %v", err)
	}
	return c
}

// worker is the camera worker's program, a path where there is none if it was not built.
func worker(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/tram-vision")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// personal is what must be nowhere once a visit has ended.
func personal(c sim.Citizen) []string {
	return []string{c.IDCode, c.PersonName, c.DateOfBirth, c.ResidencePlace, c.OriginPlace, c.FatherName, c.MotherName}
}

// layCard lays a card on the reader, in place of another.
func (c *stand) layCard(card *sim.Card) {
	c.t.Helper()
	c.takeCard()
	ctx, cancel := context.WithCancel(context.Background())
	c.lift = cancel
	c.laid.Go(func() {
		if err := sim.Insert(ctx, c.reader.Slot(0), card); err != nil && ctx.Err() == nil {
			c.t.Errorf("lay the card: %v", err)
		}
	})
}

func (c *stand) takeCard() {
	if c.lift != nil {
		c.lift()
		c.laid.Wait()
		c.lift = nil
	}
}

// citizenCard is the card of the invented citizen.
func (c *stand) citizenCard() *sim.Card {
	c.t.Helper()
	card, err := sim.NewCard(sim.DefaultCitizen(), c.pki, portrait())
	if err != nil {
		c.t.Fatal(err)
	}
	return card
}

// passportHolder is a guest from an invented state.
func passportHolder() sim.Holder {
	return sim.Holder{Document: &sim.Document{
		Format: "TD3", State: "UTO", Number: "X00000017", Surname: "Mau", GivenNames: "Anna",
		DateOfBirth: "01/02/1990", Sex: "F", DateOfExpiry: "01/01/2035",
	}}
}

// page opens a page of the daemon in a tab of its own.
func (c *stand) page(path string, width, height int64) *screen {
	c.t.Helper()
	s := &screen{t: c.t, ctx: kiosktest.Tab(c.t, width, height)}
	s.do(chromedp.Navigate("http://" + c.addr + path))
	return s
}

// order gives a command at the hub and waits until the device has done it.
func (c *stand) order(name string, data any) {
	c.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		c.t.Fatal(err)
	}
	place := hub.Place{Data: c.dir}
	view, err := place.Give(c.t.Context(), hub.Order{Device: c.name, Name: name, Data: raw})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	if view, err = place.Await(ctx, view.ID); err != nil || !view.OK {
		c.t.Fatalf("%s: %v, %s", name, err, view.Text)
	}
}

// A player does at the screen what a person does: by finger, or by keys alone.
type player struct {
	*stand
	s    *screen
	keys bool // by keyboard alone
}

// play opens the screen for a player.
func (c *stand) play(width, height int64) *player {
	c.t.Helper()
	p := &player{stand: c, s: c.page("/", width, height)}
	p.s.touch = true
	p.s.do(chromedp.EmulateViewport(width, height, chromedp.EmulateTouch))
	p.s.waitStage("idle")
	return p
}

func (p *player) stageNow() string { return eval[string](p.s, "document.body.dataset.stage") }

// press gives the answer with that name.
func (p *player) press(key string) {
	p.t.Helper()
	if !p.keys {
		p.s.click(key)
		return
	}
	p.reach(key)
	p.s.do(chromedp.KeyEvent("\r"))
}

// reach walks with the tabulator to the element with that name.
func (p *player) reach(key string) {
	p.t.Helper()
	p.s.until("a usable "+key, fmt.Sprintf(`!!document.querySelector('[data-key="%s"]:not(:disabled)')`, key))
	for range 120 {
		if eval[string](p.s, `document.activeElement?.dataset?.key ?? ''`) == key {
			return
		}
		p.s.do(chromedp.KeyEvent("\t"))
	}
	p.t.Fatalf("the tabulator never comes to %s", key)
}

// typeWords writes with the keys on the screen, or those of a keyboard.
func (p *player) typeWords(field, words string) {
	p.t.Helper()
	if p.keys {
		p.reach(field)
		p.s.do(chromedp.KeyEvent(words))
		return
	}
	for _, r := range strings.ToLower(words) {
		key := map[rune]string{' ': "space", '<': "filler"}[r]
		if key == "" {
			key = string(r)
		}
		p.s.click("key-" + key)
	}
}

// question is the one on the screen.
type question struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Options []struct {
		ID string `json:"id"`
	} `json:"options"`
}

// answer gives an answer to each question of the profile, the given one or the first that there is.
func (p *player) answer(given map[string]string) {
	p.t.Helper()
	asked := await[[]question](p.s, `return (await (await fetch('/v1/state')).json()).profile.questions`)
	for i, q := range asked {
		p.s.until("question "+q.ID, fmt.Sprintf(`document.querySelector('#ask-help')?.textContent.includes(' %d ')`, i+1))
		switch q.Kind {
		case "text", "number":
			if given[q.ID] != "" {
				p.typeWords("answer", given[q.ID])
			}
		case "choice", "catalogue":
			p.press("option-" + q.Options[0].ID)
		case "date":
			p.press(eval[string](p.s, `document.querySelector('.day:not(:disabled)').dataset.key`))
		}
		p.press("answer-next")
	}
}

// visit goes on until the visit is recorded or has failed, and returns which.
// Where a chip may be read, a card is laid there unless it is nil.
func (p *player) visit(card *sim.Card, given map[string]string) string {
	p.t.Helper()
	seen := ""
	for range 12 {
		p.s.until("a stage after "+seen, fmt.Sprintf(`!['', 'idle', 'mrz', 'reading', 'face', %q].includes(document.body.dataset.stage ?? '')`, seen))
		seen = p.stageNow()
		switch seen {
		case "consent":
			p.press("consent")
		case "card":
			if card == nil {
				p.press("skip-chip")
			} else {
				p.layCard(card)
			}
		case "ask":
			p.answer(given)
		case "confirm":
			p.press("confirm")
		default:
			return seen
		}
	}
	p.t.Fatal("the visit does not end")
	return ""
}

// ends is visit that must end so.
func (p *player) ends(want string, card *sim.Card, given map[string]string) {
	p.t.Helper()
	if how := p.visit(card, given); how != want {
		p.t.Fatalf("the visit ended %s, want %s: %s\n%s", how, want, p.s.text(), p.log)
	}
}

// scanCode shows a code to the scanner.
func (p *player) scanCode(text string) {
	p.t.Helper()
	if err := p.scan.Type(p.t.Context(), text); err != nil {
		p.t.Fatal(err)
	}
}

// delivered waits until the screen says that the hub has the record.
func (p *player) delivered() {
	p.t.Helper()
	p.s.until("delivered", "document.querySelectorAll('.way-step.lit').length === 3")
}

// end closes the visit, and looks for what is left of the person.
func (p *player) end() {
	p.t.Helper()
	p.press("cancel")
	p.s.waitStage("idle")
	p.takeCard()
	p.s.clean("after the visit")
}
