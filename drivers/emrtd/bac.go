package emrtd

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
)

// bac opens the chip with Basic Access Control (Doc 9303-11 §4.3). The application
// must be selected.
func (r *reader) bac(ctx context.Context, mrz Password) error {
	seed := mrz.secret.Reveal()[:16]
	kEnc, kMac := sm.KDF(seed, sm.CounterEnc, sm.TDES), sm.KDF(seed, sm.CounterMAC, sm.TDES)
	challenge, err := r.must(ctx, "BAC: ask for a challenge", apdu.Command{INS: 0x84, Le: 8})
	if err != nil {
		return err
	}
	if len(challenge) != 8 {
		return fmt.Errorf("BAC: %w: a challenge of %d bytes", ErrProtocol, len(challenge))
	}
	own := make([]byte, 24) // RND.IFD, K.IFD
	if _, err := io.ReadFull(r.random, own); err != nil {
		return fmt.Errorf("BAC: random numbers: %w", err)
	}
	plain := append(append(bytes.Clone(own[:8]), challenge...), own[8:]...)
	message, err := sealed(kEnc, kMac, plain)
	if err != nil {
		return err
	}
	answer, err := r.must(ctx, "BAC: authenticate", apdu.Command{INS: 0x82, Data: message, Le: 40})
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) && status.SW != 0x6D00 && status.SW != 0x6E00 && status.SW != 0x6700 {
			return fmt.Errorf("%w: %w", ErrAccessDenied, err)
		}
		return err
	}
	theirs, err := unsealed(kEnc, kMac, answer)
	if err != nil {
		return fmt.Errorf("BAC: %w", err)
	}
	if !bytes.Equal(theirs[:8], challenge) || !bytes.Equal(theirs[8:16], own[:8]) {
		return fmt.Errorf("BAC: %w: the chip answers another challenge", ErrProtocol)
	}
	secret := make([]byte, 16)
	subtle.XORBytes(secret, own[8:], theirs[16:])
	ssc := append(bytes.Clone(challenge[4:]), own[4:8]...)
	r.session, err = sm.New(sm.TDES, sm.KDF(secret, sm.CounterEnc, sm.TDES), sm.KDF(secret, sm.CounterMAC, sm.TDES), ssc)
	return err
}

func sealed(kEnc, kMac, plain []byte) ([]byte, error) {
	e, err := sm.TDES.EncryptCBC(kEnc, nil, plain)
	if err != nil {
		return nil, err
	}
	mac, err := sm.TDES.MAC(kMac, e)
	if err != nil {
		return nil, err
	}
	return append(e, mac...), nil
}

func unsealed(kEnc, kMac, answer []byte) ([]byte, error) {
	if len(answer) != 40 {
		return nil, fmt.Errorf("%w: an answer of %d bytes, want 40", ErrProtocol, len(answer))
	}
	mac, err := sm.TDES.MAC(kMac, answer[:32])
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(mac, answer[32:]) != 1 {
		return nil, fmt.Errorf("%w: wrong checksum", ErrProtocol)
	}
	return sm.TDES.DecryptCBC(kEnc, nil, answer[:32])
}
