package emrtd_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"tram/drivers/emrtd"
)

// tape records what a card answers, and plays it back: what is then measured is the
// reader alone. The reader's random numbers must be the same each time.
type tape struct {
	card    emrtd.Transceiver // nil while playing
	answers [][]byte
	sent    [][]byte
	at      int
	atr     []byte
}

func (t *tape) ATR() []byte { return t.atr }

func (t *tape) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if t.card != nil {
		answer, err := t.card.Transmit(ctx, command)
		t.answers, t.sent = append(t.answers, bytes.Clone(answer)), append(t.sent, bytes.Clone(command))
		return answer, err
	}
	if t.at == len(t.answers) || !bytes.Equal(command, t.sent[t.at]) {
		return nil, errPulled
	}
	t.at++
	return t.answers[t.at-1], nil
}

// random numbers that are the same in each round.
func fixed() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{'t', 'r', 'a', 'm'}) }

// BenchmarkOwnTime is the reader's own time for a full read with access control, Chip and Active
// Authentication, over links of both kinds: the card is played from a tape. It
// reports what went over the link, and the own time in percent of the time that these bytes
// take at 424 kbit/s.
func BenchmarkOwnTime(b *testing.B) {
	extended, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	pw, err := emrtd.CAN("000017")
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name      string
		protocol  string
		parameter int
		atr       []byte
	}{
		{"brainpoolP256r1 AES-128, extended length", aes128, 13, extended},
		{"brainpoolP256r1 AES-128, short length", aes128, 13, nil},
		{"P-521 AES-256, extended length", "id-PACE-ECDH-GM-AES-CBC-CMAC-256", 18, extended},
		{"brainpoolP512r1 IM AES-256, extended length", "id-PACE-ECDH-IM-AES-CBC-CMAC-256", 17, extended},
		{"2048-bit group AES-128, extended length", "id-PACE-DH-GM-AES-CBC-CMAC-128", 2, extended},
		{"P-256 3DES, extended length", "id-PACE-ECDH-GM-3DES-CBC-CBC", 12, extended},
	} {
		b.Run(x.name, func(b *testing.B) {
			k := newChipKeys(b)
			infos := k.agreement("2", "2", true, -1, ecKind("brainpoolP256r1", "named_curve", "").key...)
			c, _ := k.lay(infos, k.ecdsa("prime256v1", "sha256", true))
			c.access, c.files[emrtd.DG2] = offer(x.protocol, x.parameter), group(2, 20000)
			recorded := &tape{card: c, atr: x.atr}
			doc, err := emrtd.ReadWith(b.Context(), recorded, pw, emrtd.Options{}, fixed())
			if err != nil || doc.Proofs.ChipAuthentication.Result != emrtd.OK {
				b.Fatalf("%v, %+v", err, doc)
			}
			for b.Loop() {
				played := &tape{answers: recorded.answers, sent: recorded.sent, atr: x.atr}
				emrtd.ForgetHabits()
				if _, err := emrtd.ReadWith(b.Context(), played, pw, emrtd.Options{}, fixed()); err != nil {
					b.Fatal(err)
				}
			}
			own := b.Elapsed().Seconds() / float64(b.N)
			link := float64(8*(doc.Link.BytesUp+doc.Link.BytesDown)) / 424e3
			b.ReportMetric(float64(doc.Link.APDUs), "commands")
			b.ReportMetric(float64(doc.Link.APDUs-doc.Link.AccessAPDUs), "after-access")
			b.ReportMetric(float64(doc.Link.BytesUp), "bytes-up")
			b.ReportMetric(float64(doc.Link.BytesDown), "bytes-down")
			b.ReportMetric(100*own/link, "%of-424kbit/s")
		})
	}
}
