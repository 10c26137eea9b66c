package kiosk_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
)

// A cable carries connections to a server until it is pulled.
type cable struct {
	l    net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	to   string
	out  bool // it is pulled
	ends map[net.Conn]bool
}

func newCable(t *testing.T) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l, ends: map[net.Conn]bool{}}
	c.wg.Go(c.carry)
	t.Cleanup(func() {
		_ = l.Close()
		c.pull()
		c.wg.Wait()
	})
	return c
}

func (c *cable) carry() {
	for {
		near, err := c.l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		to, out := c.to, c.out
		c.mu.Unlock()
		far, err := net.Dial("tcp", to)
		if out || err != nil {
			_ = near.Close()
			if err == nil {
				_ = far.Close()
			}
			continue
		}
		c.mu.Lock()
		c.ends[near], c.ends[far] = true, true
		c.mu.Unlock()
		pass := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			_ = to.Close()
			_ = from.Close()
		}
		c.wg.Go(func() { pass(near, far) })
		c.wg.Go(func() { pass(far, near) })
	}
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = true
	for end := range c.ends {
		_ = end.Close()
	}
	clear(c.ends)
}

func (c *cable) plug(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to, c.out = to, false
}

func TestAPageWhoseLineBreaksForgetsThePersonAndShowsWhatIsNowAfterwards(t *testing.T) {
	t.Parallel()
	st, line := newStation(), newCable(t)
	host := line.l.Addr().String()
	srv, _ := start(t, st, func(o *kiosk.Options) { o.Hosts = []string{host} })
	line.plug(srv.Addr())
	s := &screen{t: t, ctx: kiosktest.Tab(t, 1024, 768), st: st}
	s.do(chromedp.Navigate("http://" + host + "/"))
	s.waitStage("idle")
	s.stage(at(visit.StageConfirm))
	s.wants(personName)

	line.pull()
	s.waitStage("down")
	s.clean("while the line is broken")
	next := at(visit.StageConsent)
	next.ID, next.Person.PersonName = "v2", "Trần Thị Mẫu"
	st.set(func(n *visit.Snapshot) { n.Visit = next })
	line.plug(srv.Addr())
	s.waitStage("consent") // of the next person: the one before is not shown again
	if strings.Contains(s.text(), personName) {
		t.Error("the page shows the person of the visit before")
	}
	s.click("consent")
	eventually(t, "the answer arrives", func() bool { return len(st.called()) == 1 })
	if got := st.called()[0]; got != "consent v2" {
		t.Errorf("got %q, want consent v2", got)
	}
	st.set(func(n *visit.Snapshot) { n.Visit = nil })
	s.waitStage("idle")
	s.clean("afterwards")
}
