package uplink_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tram/hub/hubtest"
	"tram/sync/inbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

func TestOnlyAnAckThatTheHubSignedForThisDeviceFreesRecords(t *testing.T) {
	m := hubtest.StartMosquitto(t)
	k, thief := makeKeys(t), makeKeys(t)
	p := startPeer(t, m.URL, k.hub)
	p.silent = true
	d := startDesk(t, t.TempDir(), k.options(t, m.URL))
	d.accept(10)
	// Without an answer the device sends no second batch; the first may hold fewer than ten.
	hubtest.Until(t, "records arrive", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.have.Count() > 0 })
	p.mu.Lock()
	ack := p.ack()
	p.mu.Unlock()
	other, err := k.hub.Signer().Sign(seal.Ack, "desk-2", ack)
	if err != nil {
		t.Fatal(err)
	}
	command, err := k.hub.Signer().Sign(seal.Command, device, ack)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := thief.hub.Signer().Sign(seal.Ack, device, ack)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{ack, other, command, forged, []byte(`{"v":1,"signed":""}`), []byte(`{`), nil} {
		p.say(wire.Acks, bad)
	}
	// The device reads in order: when it asks, it has seen all of the above.
	if _, err := d.uplink.Ask(soon(t, 100*time.Millisecond), "catalogue", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ask without an answer: %v, want DeadlineExceeded", err)
	}
	if st, err := d.store.Stat(); err != nil || st.Delivered != 0 {
		t.Fatalf("a forged acknowledgement delivered %d records, %v", st.Delivered, err)
	}
	p.mu.Lock()
	p.silent = false
	p.mu.Unlock()
	p.say(wire.Acks, p.sign(wire.Acks, ack))
	d.delivered(10)
}

// soon is a context that ends soon.
func soon(t *testing.T, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	t.Cleanup(cancel)
	return ctx
}

// clear is an inbox's box for tests that look at the commands.
type clearBox struct{}

func (clearBox) Seal(_ string, b []byte) ([]byte, error) { return b, nil }
func (clearBox) Open(_ string, b []byte) ([]byte, error) { return b, nil }

func TestCommandsAreStoredBeforeTheyAreAcknowledgedAndAnsweredSealed(t *testing.T) {
	m := hubtest.StartMosquitto(t)
	k := makeKeys(t)
	p := startPeer(t, m.URL, k.hub)
	in, err := inbox.Open(filepath.Join(t.TempDir(), "inbox.db"), inbox.Options{Box: clearBox{}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	o := k.options(t, m.URL)
	o.Inbox = in
	d := startDesk(t, t.TempDir(), o)
	defer d.stop() // before its inbox is closed
	d.state(uplink.Connected)
	first := wire.Encode(wire.Command{ID: "c1", Name: "notice"})
	private, err := k.hub.Signer().Seal(seal.Command, device, wire.Encode(wire.Command{ID: "c2", Name: "roster"}), k.box.Public())
	if err != nil {
		t.Fatal(err)
	}
	p.say(wire.Commands, first) // unsigned: refused
	p.say(wire.Commands, []byte("{"))
	p.say(wire.Commands, p.sign(wire.Commands, first))
	p.say(wire.Commands, private)
	var done []string
	for len(done) < 2 {
		hubtest.Until(t, "a command is stored", func() bool { _, ok, err := in.Next(); return ok && err == nil })
		c, _, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, c.ID+" "+c.Name)
		if err := in.Answer(c.ID, wire.Reply{OK: true, Text: c.Name}); err != nil {
			t.Fatal(err)
		}
	}
	if done[0] != "c1 notice" || done[1] != "c2 roster" {
		t.Errorf("done: %q", done)
	}
	p.say(wire.Commands, p.sign(wire.Commands, first)) // again: answered, not done
	hubtest.Until(t, "three replies", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.replies) == 3 })
	if _, again, err := in.Next(); again || err != nil {
		t.Errorf("a command that came twice is to be done twice (%v)", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, want := range []string{"c1", "c2", "c1"} {
		s, err := wire.ParseSealed(p.replies[i])
		if err != nil {
			t.Fatal(err)
		}
		plain, err := k.opener.OpenAs(seal.Reply, device, s.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := wire.ParseReply(plain); err != nil || r.ID != want || !r.OK {
			t.Errorf("reply %d is %+v, %v; want %s", i, r, err, want)
		}
		if _, err := k.opener.Open(device, s.Sealed); !errors.Is(err, seal.ErrSeal) {
			t.Errorf("a reply opens as records: %v", err)
		}
	}
}

func TestAQuestionIsAnsweredOrHonestlyNot(t *testing.T) {
	m := hubtest.StartMosquitto(t)
	k := makeKeys(t)
	d := startDesk(t, t.TempDir(), k.options(t, m.URL))
	d.state(uplink.HubDown)
	if _, err := d.uplink.Ask(context.Background(), "vneid.resolve", nil); !errors.Is(err, uplink.ErrOffline) {
		t.Errorf("Ask without a hub: %v, want ErrOffline", err)
	}
	p := startPeer(t, m.URL, k.hub)
	d.state(uplink.Connected)
	type result struct {
		r   wire.Response
		err error
	}
	ask := func() <-chan result {
		c := make(chan result, 1)
		go func() {
			r, err := d.uplink.Ask(soon(t, time.Minute), "vneid.resolve", map[string]string{"code": "x"})
			c <- result{r, err}
		}()
		return c
	}
	asked := ask()
	hubtest.Until(t, "the question arrives", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.requests) == 1 })
	p.mu.Lock()
	s, err := wire.ParseSealed(p.requests[0])
	p.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := k.opener.OpenAs(seal.Request, device, s.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	q, err := wire.ParseRequest(plain)
	if err != nil || q.Name != "vneid.resolve" || string(q.Data) != `{"code":"x"}` {
		t.Errorf("the question is %+v, %v", q, err)
	}
	answer := wire.Encode(wire.Response{ID: q.ID, OK: true, Data: json.RawMessage(`{"n":1}`)})
	p.say(wire.Responses, answer) // unsigned: no answer
	private, err := k.hub.Signer().Seal(seal.Response, device, answer, k.box.Public())
	if err != nil {
		t.Fatal(err)
	}
	p.say(wire.Responses, private)
	if got := <-asked; got.err != nil || string(got.r.Data) != `{"n":1}` {
		t.Errorf("Ask = %+v, %v", got.r, got.err)
	}
	asked = ask()
	hubtest.Until(t, "the second question arrives", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.requests) == 2 })
	p.state("down", "one", "store")
	if got := <-asked; !errors.Is(got.err, uplink.ErrOffline) {
		t.Errorf("Ask while the hub goes: %v, want ErrOffline", got.err)
	}
}

func TestTheHubIsUpWhileAnyOfItsInstancesIs(t *testing.T) {
	m := hubtest.StartMosquitto(t)
	p := startPeer(t, m.URL, nil)
	d := startDesk(t, t.TempDir(), uplink.Options{Broker: m.URL, Store: openStore(t, makeKeys(t).sealer.Seal)})
	d.state(uplink.Connected)
	p.state("up", "two", "store")
	p.mu.Lock()
	p.silent = true
	p.mu.Unlock()
	d.accept(1)
	hubtest.Until(t, "the record arrives", func() bool { return p.count() == 1 })
	p.state("", "one", "") // its retained state is cleared
	hubtest.Until(t, "what an instance may have had on its way comes again", func() bool { return p.count() == 2 })
	p.state("up", "two", "another store")
	hubtest.Until(t, "a hub with another store gets everything", func() bool { return p.count() == 3 })
	if got := d.uplink.State(); got != uplink.Connected {
		t.Errorf("with one instance up the state is %s", got)
	}
	p.state("down", "two", "another store")
	d.state(uplink.HubDown)
}

func TestFreshRecordsDoNotWaitBehindABacklog(t *testing.T) {
	m := hubtest.StartMosquitto(t)
	p := startPeer(t, m.URL, nil)
	store := openStore(t, makeKeys(t).sealer.Seal)
	accept(t, store, 20_000)
	p.mu.Lock()
	p.silent = true // the first batch stays unanswered, and the backlog with it
	p.mu.Unlock()
	d := startDesk(t, t.TempDir(), uplink.Options{Broker: m.URL, Store: store})
	hubtest.Until(t, "the drain begins", func() bool { return p.count() > 0 })
	d.accept(1)
	st, err := store.Stat()
	if err != nil {
		t.Fatal(err)
	}
	hubtest.Until(t, "the fresh record arrives", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.have.Highest() == st.Last
	})
	p.mu.Lock()
	if n := p.have.Count(); n > 500 {
		t.Errorf("%d records arrived before the fresh one", n)
	}
	p.silent = false
	ack := p.ack()
	p.mu.Unlock()
	p.say(wire.Acks, ack)
	for range 50 {
		d.accept(1)
	}
	hubtest.Until(t, "everything is delivered", func() bool {
		st, err = store.Stat()
		return err != nil || st.Delivered == st.Accepted
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.have) != 1 || p.have.Count() != st.Last {
		t.Errorf("the peer has %d records in %d pieces", p.have.Count(), len(p.have))
	}
}
