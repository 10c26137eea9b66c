package demo

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"tram/agent/bundle"
	"tram/agent/privacytest"
	"tram/drivers/sim"
)

// wiretap passes bytes between device and broker on and keeps them all.
type wiretap struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	seen  []byte
	conns []net.Conn
}

func tap(t *testing.T, target string) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{listener: l, target: target}
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.running.Go(func() { w.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *wiretap) pass(near net.Conn) {
	far, err := net.Dial("tcp", w.target)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, near, far)
	w.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], io.TeeReader(way[0], w))
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

func (w *wiretap) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, p...)
	return len(p), nil
}

func (w *wiretap) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]byte(nil), w.seen...)
}

// valuesOf are all that is known of the citizens.
func valuesOf(citizens ...sim.Citizen) []privacytest.Value {
	var list []privacytest.Value
	for _, c := range citizens {
		v := reflect.ValueOf(c)
		for i := range v.NumField() {
			// The nationality is no secret, and is in every text about this country; the invented old number is
			// zeros and 17, which is also how a tar header writes a size of 15 bytes.
			if name := v.Type().Field(i).Name; name != "Nationality" && name != "OldIDCode" && v.Field(i).String() != "" {
				list = append(list, privacytest.Value{Name: name, Text: v.Field(i).String()})
			}
		}
		list = append(list, privacytest.Value{Name: "access number", Text: c.IDCode[6:] + "|"}, privacytest.Value{Name: "code", Text: c.QR2021()})
	}
	return list
}

// TestNothingOfThePersonIsInClear reads a chip and codes and searches the
// state folder, the wire, the log, the metrics and a support bundle.
func TestNothingOfThePersonIsInClear(t *testing.T) {
	withHub(t)
	opt := options(t)
	tail := bundle.NewTail(1 << 20)
	opt.Log = slog.New(slog.NewTextHandler(tail, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opt.tail = tail
	var wire *wiretap
	opt.through = func(addr string) string {
		wire = tap(t, addr)
		return wire.listener.Addr().String()
	}
	d, err := Open(t.Context(), opt)
	needReader(t, err)
	if err != nil {
		t.Fatal(err)
	}
	<-d.camera
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	p := &play{d: d}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for _, c := range others() {
		if err := p.qrVisit(ctx, c); err != nil {
			t.Error(err)
		}
	}
	for _, step := range []func(context.Context) (string, error){p.scanCode, p.readChip, p.verifyChip, p.crossCheck, p.acceptRecord, p.deliver} {
		if _, err := step(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := p.allDelivered(ctx); err != nil {
		t.Error(err)
	}
	packed, err := d.client.Get(t.Context(), "/v1/bundle")
	if err != nil {
		t.Error(err)
	}
	figures, err := d.client.Get(t.Context(), "/metrics")
	if err != nil {
		t.Error(err)
	}
	places := map[string][]byte{"bundle": packed, "metrics": figures}
	collect := func(when string) {
		err := filepath.WalkDir(d.path("state"), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			places[when+" "+e.Name()] = b
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	collect("running")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	collect("stopped")
	places["wire"], places["log"] = wire.bytes(), tail.Last(1<<20)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if p.snap.Queue.Delivered < 4 || len(places["wire"]) < 2000 || len(places["log"]) == 0 || places["stopped outbox.db"] == nil || len(packed) == 0 || len(figures) == 0 {
		t.Fatalf("too little was played to tell: %d records, %d bytes on the wire", p.snap.Queue.Delivered, len(places["wire"]))
	}
	s := privacytest.New(valuesOf(append(others(), sim.DefaultCitizen())...)...)
	for place, data := range places {
		for _, f := range s.Search(data) {
			t.Errorf("%s: %s as %s, %sat %d", place, f.Value, f.Encoding, f.Where, f.Offset)
		}
	}
	checkNothingLeft(t)
}
