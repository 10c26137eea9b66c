package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/bundle"
	"tram/agent/kiosk"
	"tram/configs"
	"tram/drivers/sim"
	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a buffer that several goroutines write to.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a device in this process, and its hub.
type rig struct {
	clock  func() (time.Time, bool) // of the register; nil: the machine's
	t      *testing.T
	hub    *hubtest.Hub
	config configs.Config
	log    *log
	reload chan configs.Config
	client *kiosk.Client
	stop   func()
}

const rigName = "desk-1"

// newRig runs a hub and prepares a device that it knows.
func newRig(t *testing.T) *rig {
	t.Helper()
	dir, state := t.TempDir(), t.TempDir()
	r := &rig{t: t, log: new(log), reload: make(chan configs.Config), config: configs.Default()}
	r.hub = hubtest.StartHub(t, dir, hub.Options{CommandRepeat: time.Second})
	c := &r.config
	c.Device.Name, c.Device.Site, c.State = rigName, "test", state
	c.Reader.Enabled, c.Kiosk.Enabled = false, false
	c.Hub.Broker = "tcp://" + r.hub.Addr
	c.Hub.Key = filepath.Join(state, "hub.pub.jwk")
	r.copy(filepath.Join(dir, "hub.pub.jwk"), c.Hub.Key)
	r.client = kiosk.Dial(SocketPath(state))
	key, err := seal.LoadOrCreateDeviceKey(filepath.Join(state, deviceKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := key.WritePublic(filepath.Join(dir, "devices", rigName+".jwk")); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) copy(from, to string) {
	r.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// start runs the device until stop or the end of the test.
func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	tail := bundle.NewTail(64 << 10)
	opt := Options{Config: r.config, Version: "test", Tail: tail, Log: slog.New(slog.NewTextHandler(writers{r.log, tail}, nil))}
	go func() { done <- Serve(ctx, opt, r.reload, nil) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the daemon ended with: %v", err)
		}
	})
	r.t.Cleanup(r.stop)
	hubtest.Until(r.t, "the daemon answers", func() bool { _, err := r.status(); return err == nil })
}

type writers struct {
	a, b interface{ Write([]byte) (int, error) }
}

func (w writers) Write(p []byte) (int, error) {
	_, _ = w.b.Write(p)
	return w.a.Write(p)
}

func (r *rig) status() (Status, error) {
	var s Status
	return s, r.client.GetJSON(context.Background(), "/v1/status", &s)
}

// waitFor waits for a state of the device.
func (r *rig) waitFor(what string, holds func(Status) bool) Status {
	r.t.Helper()
	var s Status
	hubtest.Until(r.t, what, func() bool {
		var err error
		s, err = r.status()
		return err == nil && holds(s)
	})
	return s
}

func connected(s Status) bool { return s.Hub.State == "connected" }

// visit makes one record with a code alone.
func (r *rig) visit() {
	r.t.Helper()
	ctx := context.Background()
	hubtest.Until(r.t, "a visit", func() bool {
		var created struct {
			Visit string `json:"visit"`
		}
		if err := r.client.PostJSON(ctx, "/v1/visits", map[string]string{"qr": sim.DefaultCitizen().QR2021()}, &created); err != nil {
			return false // it is starting anew
		}
		for _, verb := range []string{"consent", "skip-chip", "confirm"} {
			if err := r.client.PostJSON(ctx, "/v1/visits/"+created.Visit+"/"+verb, nil, nil); err != nil {
				return false
			}
		}
		return r.client.PostJSON(ctx, "/v1/visits/"+created.Visit+"/cancel", nil, nil) == nil
	})
}

func (r *rig) place() hub.Place { return hub.Place{Data: r.hub.Dir} }

// order gives a command at the hub and returns its id.
func (r *rig) order(name string, data any) string {
	r.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		r.t.Fatal(err)
	}
	view, err := r.place().Give(context.Background(), hub.Order{Device: rigName, Name: name, Data: raw})
	if err != nil {
		r.t.Fatal(err)
	}
	return view.ID
}

// reply waits for a command's reply as the hub has it.
func (r *rig) reply(id string) (ok bool, text string, data json.RawMessage) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	view, err := r.place().Await(ctx, id)
	if err != nil {
		r.t.Fatalf("no reply: %v\n%s", err, r.log.String())
	}
	return view.OK, view.Text, view.Data
}

func yamlData(text string, within int) map[string]any {
	return map[string]any{"yaml": text, "withinSeconds": within}
}

// nowhere is a broker's address where nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestAPushedConfigurationStaysWhenTheHubIsSeenWithIt(t *testing.T) {
	r := newRig(t)
	r.start()
	r.waitFor("connected", connected)
	ok, text, _ := r.reply(r.order("config", yamlData("kiosk: {idle: 45s}\nlog: {level: debug}\n", 60)))
	if !ok {
		t.Fatalf("the hub was told: %s", text)
	}
	s := r.waitFor("the settings are in use", func(s Status) bool { return s.Settings.Config && !s.Settings.Trial })
	if s.Settings.Last != text {
		t.Errorf("status says %q, the reply %q", s.Settings.Last, text)
	}
	b, err := r.client.Get(t.Context(), "/v1/bundle")
	if err != nil || len(b) == 0 {
		t.Errorf("no bundle: %v", err)
	}
}

func TestAConfigurationThatCutsTheDeviceOffIsTakenBack(t *testing.T) {
	r := newRig(t)
	r.start()
	r.waitFor("connected", connected)
	id := r.order("config", yamlData("hub: {broker: \"tcp://"+nowhere(t)+"\"}\n", 10))
	r.waitFor("cut off, with the settings on trial", func(s Status) bool { return s.Settings.Trial && !connected(s) })
	r.visit() // which waits
	ok, text, _ := r.reply(id)
	if ok || text == "" {
		t.Errorf("the hub was told %v, %q; want that it was taken back", ok, text)
	}
	s := r.waitFor("connected again, and the record delivered", func(s Status) bool { return connected(s) && s.Hub.Waiting == 0 })
	if s.Settings.Config || s.Settings.Trial {
		t.Errorf("settings %+v, want none", s.Settings)
	}
	warned := false
	for _, c := range s.Health {
		warned = warned || c.ID == "settings" && c.Status == "warn"
	}
	if !warned {
		t.Errorf("its health says nothing: %+v", s.Health)
	}
}

func TestAConfigurationThatCannotStartIsTakenBackAtOnce(t *testing.T) {
	r := newRig(t)
	r.start()
	r.waitFor("connected", connected)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ok, text, _ := r.reply(r.order("config", yamlData(fmt.Sprintf("kiosk: {enabled: true, listen: \"%s\"}\n", l.Addr()), 600)))
	if ok || text == "" {
		t.Errorf("the hub was told %v, %q", ok, text)
	}
	for _, wrong := range []string{"kiosk: {enabled: true, listen: \"0.0.0.0:1\"}\n", "device: {name: other}\n", "{", "profile: moon-base\n"} {
		if ok, text, _ := r.reply(r.order("config", yamlData(wrong, 60))); ok || text == "" {
			t.Errorf("%q: the hub was told %v, %q", wrong, ok, text)
		}
	}
	r.waitFor("connected", connected)
}

func TestCommandsOfEveryKindAreDone(t *testing.T) {
	r := newRig(t)
	r.start()
	r.waitFor("connected", connected)
	profileText := "name: library\ntitle: {vi: Thư viện, en: Library}\npurpose: {vi: Mượn sách, en: To lend books}\nevidence: [qr]\nassurance: qr\nkeeps: [personName]\nrecord: vn.tram.visit.registered.v1\n"
	if ok, text, _ := r.reply(r.order("profile", yamlData(profileText, 60))); !ok {
		t.Errorf("profile: %s", text)
	}
	r.waitFor("the profile is in use", func(s Status) bool { return s.Profile == "library" })
	roster := map[string]any{"version": 1, "entries": []map[string]string{{"idCode": "099099000017", "personName": "Nguyễn Văn Thử"}}}
	if ok, text, _ := r.reply(r.order("roster", roster)); !ok {
		t.Errorf("roster: %s", text)
	}
	allowed := map[string]any{"version": 3, "salt": "AAECAwQFBgcICQoLDA0ODw==", "rounds": 10000, "entries": []map[string]any{{"hash": "jzfAUCHCT8tOwh4xBtweP+19BsVi7qFExz/Wk+Tw+YI="}}}
	if ok, text, _ := r.reply(r.order("allow-list", allowed)); !ok {
		t.Errorf("allow-list: %s", text)
	}
	notice := map[string]any{"version": 3, "entries": []map[string]any{{"id": "n1", "kind": "info", "text": map[string]string{"vi": "Xin chào"}}}}
	if ok, text, _ := r.reply(r.order("notice", notice)); !ok {
		t.Errorf("notice: %s", text)
	}
	var snap struct {
		Notices []struct {
			ID string `json:"id"`
		} `json:"notices"`
	}
	if err := r.client.GetJSON(t.Context(), "/v1/state", &snap); err != nil || len(snap.Notices) != 1 || snap.Notices[0].ID != "n1" {
		t.Errorf("the screen shows %+v, %v", snap, err)
	}
	if ok, text, data := r.reply(r.order("resend", map[string]any{"ranges": [][2]int{{1, 3}}})); !ok || !bytes.Contains(data, []byte("[1,3]")) {
		t.Errorf("resend: %v %s %s", ok, text, data)
	}
	if ok, text, data := r.reply(r.order("collect", map[string]any{})); !ok || len(data) < 500 {
		t.Errorf("collect: %v %s, %d bytes", ok, text, len(data))
	}
	if ok, text, data := r.reply(r.order("ping", map[string]any{})); !ok || !bytes.Contains(data, []byte("version")) {
		t.Errorf("ping: %v %s %s", ok, text, data)
	}
	if ok, _, _ := r.reply(r.order("trust", map[string]any{"files": []map[string]string{{"data": "AAAA"}}})); ok {
		t.Error("four bytes are trusted")
	}
	if ok, _, _ := r.reply(r.order("dance", map[string]any{})); ok {
		t.Error("an unknown command is done")
	}
	s := r.waitFor("nothing waits", func(s Status) bool { return s.Commands.Waiting == 0 })
	if s.Lists["roster"] != 1 || s.Lists["notice"] != 3 {
		t.Errorf("lists %v", s.Lists)
	}
	if bytes.Contains([]byte(r.log.String()), []byte("099099000017")) {
		t.Error("the log holds a person's number")
	}
}

// changed is a value for each key of the configuration that a reload may change,
// other than what it was.
func changed(t *testing.T, broker string) []string {
	t.Helper()
	return []string{
		"reader: {enabled: true}\n", "reader: {enabled: false, name: X}\n", "scanner: {path: /nowhere}\n", "scanner: {baud: 115200}\n",
		"camera: {source: /nowhere}\n", "gate: {source: /nowhere, line: [1, 1, 2, 2], every: 5s}\n", "gate: {detector: nanodet}\n",
		"profile: hospital-kiosk\nreader: {enabled: true}\ncamera: {source: /x}\n", "outbox: {max-mib: 64}\n", "outbox: {max-mib: 16}\n",
		"kiosk: {enabled: true, listen: \"127.0.0.1:0\", idle: 20s}\n", "log: {level: debug}\n", "hub: {broker: \"tcp://" + broker + "\"}\n",
	}
}

func TestNothingIsLostOverEveryChangeOfTheConfiguration(t *testing.T) {
	r := newRig(t)
	online := r.config.Hub.Broker
	r.config.Hub.Broker = "tcp://" + nowhere(t)
	r.start()
	records := uint64(0)
	for range 3 {
		r.visit()
		records++
	}
	for i, text := range changed(t, nowhere(t)) {
		next, err := r.config.Overlay("changed", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		before := r.log.String()
		r.reload <- next
		hubtest.Until(t, "the daemon starts anew with "+text, func() bool { return r.log.String() != before })
		s := r.waitFor("its records", func(s Status) bool { return s.Hub.Waiting >= records })
		if s.Hub.Waiting != records || s.Hub.Discarded != 0 {
			t.Fatalf("change %d (%s): %d records wait, want %d", i, text, s.Hub.Waiting, records)
		}
	}
	bad := r.config
	bad.Profile = "moon-base"
	r.reload <- bad // refused: the running one stays
	r.config.Hub.Broker = online
	r.reload <- r.config
	r.waitFor("all delivered", func(s Status) bool { return connected(s) && s.Hub.Waiting == 0 })
	report := hubtest.Report(t, r.hub.Dir, rigName)
	if report.Highwater < records || len(report.Missing) > 0 {
		t.Errorf("the hub has %+v, want %d records and none missing", report, records)
	}
}

func TestADeviceWithoutANameOrKeyDoesNotStart(t *testing.T) {
	c := configs.Default()
	c.State = t.TempDir()
	if _, err := New(Options{Config: c, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrNoName) {
		t.Errorf("no name: %v", err)
	}
	c.Device.Name, c.Device.Site, c.Kiosk.Enabled = "desk-1", "test", false
	if _, err := New(Options{Config: c, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrNoHubKey) {
		t.Errorf("no hub key: %v", err)
	}
}
