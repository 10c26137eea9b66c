package pcsc_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tram/drivers"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/vreader"
)

var _ emrtd.Transceiver = (*pcsc.Card)(nil)

// onePKI is made once: RSA keys take their time.
var onePKI = sync.OnceValues(sim.NewPKI)

// layDown puts a virtual ID card on a reader until the test ends or the
// returned function is called.
func layDown(t *testing.T, v *vreader.Reader, slot int, opt ...sim.Option) (pki *sim.PKI, takeAway func()) {
	t.Helper()
	pki, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewCard(sim.DefaultCitizen(), pki, portrait(t), opt...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Insert(ctx, v.Slot(slot), card) }()
	takeAway = func() {
		if ctx.Err() == nil {
			cancel()
			<-done
		}
	}
	t.Cleanup(takeAway)
	return pki, takeAway
}

// portrait returns a JPEG of about 20 KB, the size on real cards; nobody is on it.
func portrait(t *testing.T) []byte {
	t.Helper()
	noise := rand.New(rand.NewPCG(1, 2))
	picture := image.NewGray(image.Rect(0, 0, 150, 200))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(noise.UintN(256))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t *testing.T, c *pcsc.Card) (*emrtd.Document, error) {
	t.Helper()
	pw, err := emrtd.CAN(sim.DefaultCitizen().CAN())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	return emrtd.Read(ctx, c, pw, emrtd.Options{})
}

func TestAnIDCardIsReadAndVerifiedOverPCSC(t *testing.T) {
	v := startReaders(t)
	pki, _ := layDown(t, v, 0)
	doc, err := read(t, connect(t, v.Names()[0]))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	trust, err := emrtd.NewTrust(pki.CSCA())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d APDUs, %d bytes down, DG2 %d bytes, steps %v", doc.Link.APDUs, doc.Link.BytesDown, len(doc.Files[emrtd.DG2]), doc.Steps)
	answers := emrtd.Verify(doc.Files, trust, time.Now())
	if answers.Hashes != "ok" || answers.SODSignature != "ok" || answers.Chain != "trusted" {
		t.Errorf("verification = %+v, want ok, ok, trusted", answers)
	}
	mrz, err := emrtd.ParseDG1(doc.Files[emrtd.DG1])
	if err != nil {
		t.Fatal(err)
	}
	dg13, err := cccd.ParseDG13(doc.Files[emrtd.DG13])
	if err != nil {
		t.Fatal(err)
	}
	qr, err := cccd.ParseQR([]byte(sim.DefaultCitizen().QR2021()))
	if err != nil {
		t.Fatal(err)
	}
	if got := cccd.CrossCheck(&qr, &mrz, &dg13); len(got) != 0 {
		t.Errorf("code, MRZ and data group 13 differ: %v", got)
	}
	if got, want := cccd.Merge(&qr, &mrz, &dg13).PersonName.Reveal(), sim.DefaultCitizen().PersonName; got != want {
		t.Errorf("name = %q, want %q", got, want)
	}
}

func TestAReadOfAPulledOrHungCardEndsAndTheNextOneWorks(t *testing.T) {
	v := startReaders(t)
	r := pcsc.NewReader("00 00", nil)
	run(t, r)
	waitState(t, r, drivers.Ready)
	for _, c := range []struct {
		name  string
		fault []sim.Option
		want  error
	}{
		{"pulled", []sim.Option{sim.PulledAfter(12)}, pcsc.ErrCardGone},
		{"hung", []sim.Option{sim.HangAfter(12)}, pcsc.ErrTimeout},
		{"none", nil, nil},
	} {
		_, takeAway := layDown(t, v, 0, c.fault...)
		next(t, r, pcsc.CardPresent)
		card, err := r.Connect(t.Context())
		if err != nil {
			t.Fatalf("%s: Connect: %v", c.name, err)
		}
		pcsc.SetWatchdog(card, 2*time.Second)
		_, err = read(t, card)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Read = %v, want %v", c.name, err, c.want)
		}
		if err := card.Close(); err != nil {
			t.Errorf("%s: Close: %v", c.name, err)
		}
		takeAway()
		next(t, r, pcsc.CardGone)
	}
}
