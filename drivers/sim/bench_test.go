package sim_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/vreader"
)

// counted counts the commands after access control: those behind the last step
// of PACE.
type counted struct {
	*pcsc.Card
	after int
}

func (c *counted) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.after >= 0 {
		c.after++
	}
	answer, err := c.Card.Transmit(ctx, command)
	if len(command) > 1 && command[0] == 0x00 && command[1] == 0x86 {
		c.after = 0
	}
	return answer, err
}

// cpuTime is the time that this process has computed, in and for it.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchSlot lays the card of benchCard on a slot, in its own process.
func benchSlot(b *testing.B, r *vreader.Reader, slot, rate int) *pcsc.Card {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), "TRAM_SIM_BENCH_SLOT="+r.Slot(slot), fmt.Sprintf("TRAM_SIM_BENCH_RATE=%d", rate))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var card *pcsc.Card
	for deadline := time.Now().Add(20 * time.Second); card == nil; time.Sleep(10 * time.Millisecond) {
		if card, err = pcsc.Connect(b.Context(), r.Names()[slot]); err != nil && time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			c, err := pcsc.Connect(context.Background(), r.Names()[slot])
			if err != nil {
				return
			}
			_ = c.Close()
		}
	})
	return card
}

// BenchmarkFullRead reads a whole Vietnamese card with a portrait of 20 KB over
// pcscd and the virtual reader: access by PACE, every file, Chip and Active
// Authentication. The card plays in another process. "own" is this process's CPU
// time, "theory" what the bytes alone need on the link.
func BenchmarkFullRead(b *testing.B) {
	r, err := vreader.Start(b.Context())
	if err != nil {
		b.Skipf("needs a virtual reader: %v", err)
	}
	defer r.Close()
	pw, err := emrtd.CAN("000017")
	if err != nil {
		b.Fatal(err)
	}
	for i, rate := range []int{0, 106_000, 424_000, 848_000} {
		name := fmt.Sprintf("%d-kbit", rate/1000)
		if rate == 0 {
			name = "no-link"
		}
		b.Run(name, func(b *testing.B) {
			card := &counted{Card: benchSlot(b, r, i%vreader.Slots, rate)}
			defer func() { _ = card.Close() }()
			var link emrtd.Link
			var own time.Duration
			n := 0
			for b.Loop() {
				b.StopTimer() // a card that was just laid on: reset
				if err := card.Close(); err != nil {
					b.Fatal(err)
				}
				fresh, err := pcsc.Connect(b.Context(), r.Names()[i%vreader.Slots])
				if err != nil {
					b.Fatal(err)
				}
				card.Card, card.after = fresh, -1
				b.StartTimer()
				before := cpuTime(b)
				doc, err := emrtd.Read(b.Context(), card, pw, emrtd.Options{})
				if err != nil {
					b.Fatal(err)
				}
				own += cpuTime(b) - before
				link = doc.Link
				n++
			}
			bits := 8 * float64(link.BytesUp+link.BytesDown)
			wall := b.Elapsed().Seconds() * 1e3 / float64(n)
			cpu := own.Seconds() * 1e3 / float64(n)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(link.APDUs), "round-trips")
			b.ReportMetric(float64(card.after), "after-access")
			b.ReportMetric(float64(link.BytesUp), "bytes-up")
			b.ReportMetric(float64(link.BytesDown), "bytes-down")
			b.ReportMetric(wall, "ms/read")
			b.ReportMetric(cpu, "own-ms/read")
			if rate > 0 {
				b.ReportMetric(bits/float64(rate)*1e3, "theory-ms")
			}
			b.ReportMetric(100*cpu/(bits/424_000*1e3), "own-%of-424")
		})
	}
}

// BenchmarkPassiveAuthentication verifies the files of a card: the hashes of six
// data groups, the signature of the SOD and the chain, with CA and signer on the
// same curve.
func BenchmarkPassiveAuthentication(b *testing.B) {
	pw, err := emrtd.CAN("000017")
	if err != nil {
		b.Fatal(err)
	}
	for _, spec := range []sim.PKISpec{
		{CA: sim.KeySpec{Key: "P-256", Hash: "SHA-256"}, Signer: sim.KeySpec{Key: "P-256", Hash: "SHA-256"}},
		{CA: sim.KeySpec{Key: "brainpoolP256r1", Hash: "SHA-256"}, Signer: sim.KeySpec{Key: "brainpoolP256r1", Hash: "SHA-256"}},
		{}, // as the Vietnamese documents
		{CA: sim.KeySpec{Key: "brainpoolP512r1", Hash: "SHA-512", Explicit: true}, Signer: sim.KeySpec{Key: "brainpoolP512r1", Hash: "SHA-512", Explicit: true}},
		{CA: sim.KeySpec{Key: "RSA-4096", Hash: "SHA-256", PSS: true}, Signer: sim.KeySpec{Key: "RSA-2048", Hash: "SHA-256", PSS: true}},
	} {
		pki, err := sim.NewPKIOf(spec)
		if err != nil {
			b.Fatal(err)
		}
		card, err := sim.NewCard(sim.DefaultCitizen(), pki, nil)
		if err != nil {
			b.Fatal(err)
		}
		doc, err := emrtd.Read(b.Context(), card, pw, emrtd.Options{})
		if err != nil {
			b.Fatal(err)
		}
		store, err := emrtd.NewTrust(pki.CSCA())
		if err != nil {
			b.Fatal(err)
		}
		name := spec.CA.Key + "," + spec.Signer.Key
		if spec.CA.Key == "" {
			name = "brainpoolP512r1,brainpoolP384r1"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if v := emrtd.Verify(doc.Files, store, time.Now()); v.Assurance() != emrtd.ChipTrusted {
					b.Fatal(v.Assurance())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e6/float64(b.N), "ms/op")
		})
	}
}
