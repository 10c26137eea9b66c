package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/picture"
	"tram/drivers/sim/vreader"
)

// portrait is drawn once: it takes a while under the race detector.
var portrait = sync.OnceValue(func() []byte { return picture.PortraitJPEG(1) })

// cardDesk is a virtual reader under a real pcscd with a card in it.
type cardDesk struct {
	reader *vreader.Reader
	cards  <-chan pcsc.Event // cards that come to and go from the first slot
	pki    *sim.PKI
	trust  string
}

func newCardDesk(t *testing.T) *cardDesk {
	t.Helper()
	t.Setenv("TRAM_STATE", t.TempDir())
	reader, err := vreader.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	watch := pcsc.NewReader(reader.Names()[0], slog.New(slog.DiscardHandler))
	var watcher sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	watcher.Go(func() { _ = watch.Run(ctx) })
	t.Cleanup(func() {
		stop()
		watcher.Wait()
	})
	pki, err := sim.NewPKI()
	if err != nil {
		t.Fatal(err)
	}
	d := &cardDesk{reader: reader, cards: watch.Events(), pki: pki, trust: t.TempDir()}
	if err := pki.WriteTrust(d.trust); err != nil {
		t.Fatal(err)
	}
	return d
}

// await waits until the service has noticed that a card came or went.
func (d *cardDesk) await(t *testing.T, kind pcsc.Kind) {
	t.Helper()
	deadline := time.After(waitLimit)
	for {
		select {
		case e := <-d.cards:
			if e.Kind == kind {
				return
			}
		case <-deadline:
			t.Fatalf("the service never noticed: %s", kind)
		}
	}
}

// with lays a card on the reader for as long as do runs.
func (d *cardDesk) with(t *testing.T, do func(), faults ...sim.Option) {
	t.Helper()
	card, err := sim.NewCard(sim.DefaultCitizen(), d.pki, portrait(), faults...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, lift := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = sim.Insert(ctx, d.reader.Slot(0), card) // a card that is pulled ends with an error, as it should
	}()
	defer func() {
		lift()
		<-done
		d.await(t, pcsc.CardGone)
	}()
	d.await(t, pcsc.CardPresent)
	do()
}

func TestCardReadTellsTheFiveAnswersApart(t *testing.T) {
	d := newCardDesk(t)
	saved := filepath.Join(t.TempDir(), "saved")
	var asRead cardResult

	d.with(t, func() {
		o := ownProcess(t, "card", "read", "--can", "000017", "--wait", "30s", "--trust", d.trust, "--save", saved, "--json")
		if o.code != exitDone {
			t.Fatal(o)
		}
		var r cardResult
		o.decode(t, &r)
		asRead = r
		if r.IDCode != "099099000017" || r.PersonName != "Nguyễn Văn Thử" || r.DocumentNumber != "099000017" || r.DateOfBirth != "15/01/1999" {
			t.Errorf("person: %q %q %q %q", r.IDCode, r.PersonName, r.DocumentNumber, r.DateOfBirth)
		}
		if r.Access != "PACE" || r.Assurance != "chip-trusted" && r.Assurance != "chip-genuine" || r.Verification.Chain != "trusted" {
			t.Errorf("access %q, assurance %q, verification %+v", r.Access, r.Assurance, r.Verification)
		}
		if r.APDUs == 0 || r.BytesUp == 0 || r.BytesDown == 0 || r.MS == 0 || len(r.Steps) == 0 || len(r.Files) < 5 {
			t.Errorf("figures: %d APDUs, %d up, %d down, %.1f ms, %d steps, %d files", r.APDUs, r.BytesUp, r.BytesDown, r.MS, len(r.Steps), len(r.Files))
		}
	})

	d.with(t, func() {
		o := ownProcess(t, "card", "read", "--qr", sim.DefaultCitizen().QR2024(), "--wait", "30s", "--json")
		if o.code != exitDone {
			t.Fatal(o)
		}
		var r cardResult
		o.decode(t, &r)
		if r.Assurance != "chip" && r.Assurance != "chip-genuine" || r.Verification.Chain != "unknown_ca" {
			t.Errorf("without a trust store: assurance %q, %+v", r.Assurance, r.Verification)
		}
	})

	o := tram(t.Context(), "card", "verify", saved, "--trust", d.trust, "--json")
	var r cardResult
	o.decode(t, &r)
	if r.Verification != asRead.Verification || r.Assurance != asRead.Assurance || r.Verification.ChipAuthentication == "not_done" {
		t.Errorf("the saved read has other answers: %+v %s, when it was read %+v %s", r.Verification, r.Assurance, asRead.Verification, asRead.Assurance)
	}
	if o.code != exitDone || r.Verification.Hashes != "ok" || r.Verification.Chain != "trusted" || r.IDCode != "099099000017" {
		t.Errorf("saved files verified again: %v", o)
	}
	if info, err := os.Stat(saved); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the folder of saved files is open to others: %v, %v", info.Mode(), err)
	}
}

func TestAHungCardIsGivenUpInTime(t *testing.T) {
	d := newCardDesk(t)
	d.with(t, func() {
		o := ownProcess(t, "card", "read", "--can", "000017", "--wait", "30s", "--timeout", "3s")
		if o.code != exitFailed || !strings.Contains(o.err, "the card did not finish in time (3s)") || !strings.Contains(o.err, "hint: lay the card again") {
			t.Errorf("want exit 1 and what to do, got %v", o)
		}
	}, sim.HangAfter(8))
}

func TestTheVirtualCardSaysThatItIsLaidOnceItIs(t *testing.T) {
	d := newCardDesk(t)
	p := start(t, program(t, nil, "card", "sim", "--vpcd", d.reader.Slot(0)))
	d.await(t, pcsc.CardPresent)
	eventually(t, "the word that it is laid", func() bool { return strings.Contains(p.log.String(), "laid on "+d.reader.Slot(0)) })
	if err := p.end(syscall.SIGINT); err != nil {
		t.Errorf("SIGINT: %v\n%s", err, p.log.String())
	}
}

func TestCardReadSaysClearlyWhatWentWrong(t *testing.T) {
	d := newCardDesk(t)
	if o := ownProcess(t, "card", "read", "--can", "000017", "--wait", "0s"); o.code != exitNotThere || !strings.Contains(o.err, "hint: lay a card on the reader") {
		t.Errorf("without a card: %v", o)
	}
	if o := ownProcess(t, "card", "read", "--can", "000017", "--reader", "no such reader"); o.code != exitNotThere {
		t.Errorf("a reader that is not there: %v", o)
	}
	for _, c := range []struct {
		name     string
		can      string
		faults   []sim.Option
		code     int
		sentence string
	}{
		{"wrong CAN", "123456", nil, exitFailed, "hint: scan the QR code on the card"},
		{"pulled card", "000017", []sim.Option{sim.PulledAfter(12)}, exitFailed, "hint: leave the card on the reader"},
		{"changed portrait", "000017", []sim.Option{sim.TamperDG2()}, exitNotVerified, "hint: do not accept this card"},
		{"expired signer", "000017", []sim.Option{sim.ExpiredSigner()}, exitNotVerified, "hint: do not accept this card"},
		{"a file of 4 GB", "000017", []sim.Option{sim.HostileLength(0x010D)}, exitFailed, "larger than allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.with(t, func() {
				o := ownProcess(t, "card", "read", "--can", c.can, "--wait", "30s", "--trust", d.trust, "--json")
				if o.code != c.code || !strings.Contains(o.err, c.sentence) {
					t.Fatalf("want exit %d and %q, got %v", c.code, c.sentence, o)
				}
				if c.code == exitNotVerified {
					var r cardResult
					o.decode(t, &r)
					if r.Assurance != "none" {
						t.Errorf("assurance %q, want none", r.Assurance)
					}
				}
			}, c.faults...)
		})
	}
}
