package sim_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/vreader"
)

var onePKI = sync.OnceValues(sim.NewPKI)

func newCard(t testing.TB, opt ...sim.Option) *sim.Card {
	t.Helper()
	p, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewCard(sim.DefaultCitizen(), p, nil, opt...)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func trust(t testing.TB) *emrtd.Trust {
	t.Helper()
	p, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	store, err := emrtd.NewTrust(p.CSCA())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func canOf(t testing.TB, digits string) emrtd.Password {
	t.Helper()
	pw, err := emrtd.CAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return pw
}

func mrzPassword(t testing.TB) emrtd.Password {
	t.Helper()
	pw, err := emrtd.MRZLines(sim.DefaultCitizen().MRZ())
	if err != nil {
		t.Fatal(err)
	}
	return pw
}

func read(t testing.TB, card emrtd.Transceiver, pw emrtd.Password) *emrtd.Document {
	t.Helper()
	doc, err := emrtd.Read(t.Context(), card, pw, emrtd.Options{})
	if err != nil {
		t.Fatalf("read the virtual card: %v", err)
	}
	return doc
}

func TestTheReaderReadsAndTrustsTheVirtualCard(t *testing.T) {
	for what, x := range map[string]struct {
		pw        emrtd.Password
		mechanism string
		opt       []sim.Option
	}{
		"CAN":               {canOf(t, "000017"), "PACE", nil},
		"MRZ":               {mrzPassword(t), "PACE", nil},
		"MRZ without PACE":  {mrzPassword(t), "BAC", []sim.Option{sim.StatusWord(0x22, 0x6D00)}},
		"no long answers":   {canOf(t, "000017"), "PACE", []sim.Option{sim.FrameLimit(256)}},
		"very short frames": {canOf(t, "000017"), "PACE", []sim.Option{sim.FrameLimit(231)}},
		"another PACE":      {canOf(t, "000017"), "PACE", []sim.Option{sim.WithPACE("id-PACE-ECDH-GM-AES-CBC-CMAC-256", 18)}},
		"nested parents":    {canOf(t, "000017"), "PACE", []sim.Option{sim.NestedParents()}},
	} {
		t.Run(what, func(t *testing.T) {
			doc := read(t, newCard(t, x.opt...), x.pw)
			if doc.Access.Mechanism != x.mechanism {
				t.Errorf("access by %s, want %s", doc.Access.Mechanism, x.mechanism)
			}
			if !bytes.Equal(doc.Files[emrtd.DG1], sim.DefaultCitizen().DG1()) {
				t.Error("DG1 is not the card's")
			}
			if what != "nested parents" && !bytes.Equal(doc.Files[emrtd.DG(13)], sim.DefaultCitizen().DG13()) {
				t.Error("DG13 is not the card's")
			}
			if _, err := emrtd.ParseDG2(doc.Files[emrtd.DG2]); err != nil {
				t.Errorf("portrait: %v", err)
			}
			v := emrtd.Verify(doc.Files, trust(t), time.Now())
			if v.Hashes != "ok" || v.SODSignature != "ok" || v.Chain != "trusted" {
				t.Errorf("Verify = %+v, want hashes and signature ok, chain trusted", v)
			}
			if got := v.Assurance(); got != "chip-trusted" && got != "chip-genuine" {
				t.Errorf("assurance = %s, want chip-trusted or better", got)
			}
			if skipped := doc.Skipped; len(skipped) != 1 || skipped[0].File != emrtd.DG(3) {
				t.Errorf("skipped %v, want DG3 alone", skipped)
			}
		})
	}
}

func TestAPortraitOfUsualSizeIsReadInFewCommands(t *testing.T) {
	p, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, 240, 320))
	noise := uint32(1)
	for i := range img.Pix {
		noise = noise*1664525 + 1013904223
		img.Pix[i] = byte(noise >> 26)
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, nil); err != nil {
		t.Fatal(err)
	}
	portrait := file.Bytes()
	if len(portrait) < 15_000 || len(portrait) > 32_000 {
		t.Fatalf("the portrait has %d bytes, want the size of a card's", len(portrait))
	}
	card, err := sim.NewCard(sim.DefaultCitizen(), p, portrait)
	if err != nil {
		t.Fatal(err)
	}
	doc := read(t, card, canOf(t, "000017"))
	got, err := emrtd.ParseDG2(doc.Files[emrtd.DG2])
	if err != nil || got.Format != "jpeg" || !bytes.Equal(got.Data.Reveal(), portrait) {
		t.Errorf("the portrait of %d bytes does not come back: %v", len(portrait), err)
	}
	if doc.Link.APDUs > 25 {
		t.Errorf("%d commands for a portrait of %d bytes, want about as few as for a small one", doc.Link.APDUs, len(portrait))
	}
	t.Logf("%d commands, %d bytes up, %d down", doc.Link.APDUs, doc.Link.BytesUp, doc.Link.BytesDown)
}

func TestACardWhoseCurvesAreSpelledOutVerifies(t *testing.T) {
	p, err := sim.NewExplicitPKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewCard(sim.DefaultCitizen(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := emrtd.NewTrust(p.CSCA())
	if err != nil {
		t.Fatal(err)
	}
	v := emrtd.Verify(read(t, card, canOf(t, "000017")).Files, store, time.Now())
	if v.SODSignature != "ok" || v.Chain != "trusted" {
		t.Errorf("Verify = %+v, want a trusted chain", v)
	}
}

func TestWhatIsWrongWithACardIsSaid(t *testing.T) {
	for _, x := range []struct {
		what               string
		opt                sim.Option
		hashes, sod, chain emrtd.Answer
		assurance          emrtd.Assurance
	}{
		{"tampered DG2", sim.TamperDG2(), "failed", "ok", "trusted", "none"},
		{"tampered DG13", sim.TamperDG13(), "failed", "ok", "trusted", "none"},
		{"unknown signer", sim.WrongSigner(), "ok", "ok", "unknown_ca", "chip"},
		{"expired signer", sim.ExpiredSigner(), "ok", "ok", "expired", ""},
	} {
		v := emrtd.Verify(read(t, newCard(t, x.opt), canOf(t, "000017")).Files, trust(t), time.Now())
		if v.Hashes != x.hashes || v.SODSignature != x.sod || v.Chain != x.chain || x.assurance != "" && v.Assurance() != x.assurance {
			t.Errorf("%s: Verify = %+v, assurance %s; want %s, %s, %s, %s", x.what, v, v.Assurance(), x.hashes, x.sod, x.chain, x.assurance)
		}
	}
}

func TestTheReaderRefusesWhatMustNotBeRead(t *testing.T) {
	for what, x := range map[string]struct {
		can  string
		opt  []sim.Option
		want error
	}{
		"wrong CAN":     {"000018", nil, emrtd.ErrAccessDenied},
		"pulled at 0":   {"000017", []sim.Option{sim.PulledAfter(0)}, emrtd.ErrCardGone},
		"pulled at 7":   {"000017", []sim.Option{sim.PulledAfter(7)}, emrtd.ErrCardGone},
		"pulled at 11":  {"000017", []sim.Option{sim.PulledAfter(11)}, emrtd.ErrCardGone},
		"hostile DG2":   {"000017", []sim.Option{sim.HostileLength(sim.FileDG2)}, emrtd.ErrTooLarge},
		"hostile SOD":   {"000017", []sim.Option{sim.HostileLength(sim.FileSOD)}, emrtd.ErrTooLarge},
		"no eMRTD here": {"000017", []sim.Option{sim.StatusWord(0xA4, 0x6A82)}, emrtd.ErrNoApplication},
	} {
		t.Run(what, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := emrtd.Read(t.Context(), newCard(t, x.opt...), canOf(t, x.can), emrtd.Options{})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, x.want) {
				t.Errorf("Read = %v, want %v", err, x.want)
			}
			if err != nil && (strings.Contains(err.Error(), "000017") || strings.Contains(err.Error(), "Nguy")) {
				t.Error("the error holds something of the citizen")
			}
			if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 32 {
				t.Errorf("the read allocated %d MiB", n)
			}
		})
	}
}

func TestAHungChipEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := emrtd.Read(ctx, newCard(t, sim.HangAfter(9)), canOf(t, "000017"), emrtd.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read = %v, want the context's error", err)
	}
}

// lay puts a card on a slot of the virtual reader and waits until PC/SC has it.
func lay(t *testing.T, r *vreader.Reader, card *sim.Card) (connected *pcsc.Card, remove func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Insert(ctx, r.Slot(0), card) }()
	remove = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = remove() })
	until(t, "the card to show in the reader", func() bool {
		var err error
		connected, err = pcsc.Connect(t.Context(), r.Names()[0])
		return err == nil
	})
	return connected, remove
}

// until polls a condition until it holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestTheCardInAVirtualReaderIsReadThroughPCSC(t *testing.T) {
	r, err := vreader.Start(t.Context())
	if errors.Is(err, vreader.ErrNotInstalled) || errors.Is(err, vreader.ErrNotAllowed) {
		t.Skipf("needs a virtual reader: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	card := newCard(t)
	connected, remove := lay(t, r, card)
	if !bytes.Equal(connected.ATR(), card.ATR()) {
		t.Errorf("ATR = %X, want %X", connected.ATR(), card.ATR())
	}
	for i := range 2 { // the second time over a connection that was closed and opened again
		start := time.Now()
		doc := read(t, connected, canOf(t, "000017"))
		t.Logf("read %d: %d commands in %v", i+1, doc.Link.APDUs, time.Since(start))
		if v := emrtd.Verify(doc.Files, trust(t), time.Now()); v.Hashes != "ok" || v.Chain != "trusted" {
			t.Errorf("Verify = %+v, want hashes ok and chain trusted", v)
		}
		if err := connected.Close(); err != nil {
			t.Fatal(err)
		}
		if connected, err = pcsc.Connect(t.Context(), r.Names()[0]); err != nil {
			t.Fatal(err)
		}
	}
	_ = connected.Close()
	if err := remove(); err != nil {
		t.Errorf("Insert = %v, want nil", err)
	}
	until(t, "the reader to be empty", func() bool {
		c, err := pcsc.Connect(t.Context(), r.Names()[0])
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, pcsc.ErrNoCard)
	})

	connected, remove = lay(t, r, newCard(t, sim.PulledAfter(9)))
	if _, err := emrtd.Read(t.Context(), connected, canOf(t, "000017"), emrtd.Options{}); !errors.Is(err, pcsc.ErrCardGone) {
		t.Errorf("Read of a card pulled in the middle = %v, want pcsc.ErrCardGone", err)
	}
	_ = connected.Close()
	if err := remove(); !errors.Is(err, sim.ErrPulled) {
		t.Errorf("Insert of a pulled card = %v, want ErrPulled", err)
	}
}
