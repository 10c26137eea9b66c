package emrtd

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// errRefused says that the chip did not take a protocol; the next may be tried.
type errRefused struct{ error }

func (e errRefused) Unwrap() error { return e.error }

// pace opens the chip with the strongest of its offers that it does not refuse.
func (r *reader) pace(ctx context.Context, offers []pace.Info) (pace.Info, error) {
	var first error
	for _, info := range offers {
		err := r.paceWith(ctx, info, len(offers) > 1)
		if err == nil {
			return info, nil
		}
		var refused errRefused
		if !errors.As(err, &refused) {
			return info, err
		}
		if first == nil {
			first = err
		}
	}
	return pace.Info{}, first
}

// paceWith runs one protocol (Doc 9303-11 §4.4.3). ambiguous: the chip offers
// several domain parameters and has to be told which.
func (r *reader) paceWith(ctx context.Context, info pace.Info, ambiguous bool) error {
	if err := r.setAT(ctx, info, ambiguous); err != nil {
		return err
	}
	p, c := info.Protocol, info.Curve
	hidden, err := r.authenticate(ctx, "PACE: ask for the nonce", 0x10, 0, nil, 0x80)
	if err != nil {
		return err
	}
	nonce, err := pace.DecryptNonce(p.Cipher, pace.PasswordKey(r.password.secret.Reveal(), p.Cipher), hidden)
	if err != nil {
		return fmt.Errorf("PACE: %w: %w", ErrProtocol, err)
	}
	mapping, theirMapping, err := r.agree(ctx, "PACE: map the nonce", c, c.G, 0x81, 0x82)
	if err != nil {
		return err
	}
	generator, err := pace.MapGeneric(c, nonce, mapping.Private, theirMapping)
	if err != nil {
		return fmt.Errorf("PACE: %w: %w", ErrProtocol, err)
	}
	mine, theirs, err := r.agree(ctx, "PACE: agree on a key", c, generator, 0x83, 0x84)
	if err != nil {
		return err
	}
	secret, err := pace.SharedSecret(c, mine.Private, theirs)
	if err != nil {
		return fmt.Errorf("PACE: %w: %w", ErrProtocol, err)
	}
	kEnc, kMac := pace.SessionKeys(secret, p.Cipher)
	if err := r.tokens(ctx, info, kMac, mine.Public, theirs); err != nil {
		return err
	}
	r.session, err = sm.New(p.Cipher, kEnc, kMac, nil)
	return err
}

// setAT names protocol and password. A warning about tries left is no refusal.
// The domain parameter is named where several are offered, else only when the
// chip asks for it by refusing.
func (r *reader) setAT(ctx context.Context, info pace.Info, ambiguous bool) error {
	plain := append(tlv.Encode(0x80, info.Protocol.Content()), tlv.Encode(0x83, []byte{r.password.reference()})...)
	variants := [][]byte{plain}
	if info.Parameter >= 0 && info.Parameter <= 0xFF {
		named := append(append([]byte{}, plain...), tlv.Encode(0x84, []byte{byte(info.Parameter)})...)
		variants = append(variants, named)
		if ambiguous {
			variants[0], variants[1] = named, plain
		}
	}
	var sw uint16
	for _, data := range variants {
		a, err := r.exchange(ctx, apdu.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: data, Le: apdu.NoLe})
		if err != nil {
			return fmt.Errorf("PACE: choose %s: %w", info.Protocol.Name, err)
		}
		if sw = a.SW; sw == 0x9000 || sw&0xFFF0 == 0x63C0 {
			return nil
		}
	}
	return errRefused{&StatusError{SW: sw, Doing: "PACE: choose " + info.Protocol.Name}}
}

// authenticate is one GENERAL AUTHENTICATE: data object tag goes, want comes back.
func (r *reader) authenticate(ctx context.Context, doing string, cla byte, tag uint32, value []byte, want uint32) ([]byte, error) {
	data, err := r.must(ctx, doing, apdu.Command{CLA: cla, INS: 0x86, Data: pace.DynamicData(tag, value), Le: 256})
	if err != nil {
		return nil, err
	}
	v, err := pace.FromDynamicData(data, want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
	}
	return v, nil
}

// agree exchanges ephemeral keys over generator.
func (r *reader) agree(ctx context.Context, doing string, c *ec.Curve, generator ec.Point, tag, want uint32) (pace.Key, ec.Point, error) {
	mine, err := pace.NewKey(r.random, c, generator)
	if err != nil {
		return pace.Key{}, ec.Point{}, err
	}
	answer, err := r.authenticate(ctx, doing, 0x10, tag, c.Encode(mine.Public), want)
	if err != nil {
		return pace.Key{}, ec.Point{}, err
	}
	theirs, err := c.Decode(answer)
	if err != nil || theirs.Equal(mine.Public) {
		return pace.Key{}, ec.Point{}, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, pace.ErrKey)
	}
	return mine, theirs, nil
}

// tokens proves the key to the chip and checks the chip's proof. This is where a
// wrong password shows.
func (r *reader) tokens(ctx context.Context, info pace.Info, kMac []byte, mine, theirs ec.Point) error {
	const doing = "PACE: prove the key"
	token, err := pace.Token(info.Protocol, kMac, info.Curve, theirs)
	if err != nil {
		return err
	}
	answer, err := r.authenticate(ctx, doing, 0, 0x85, token, 0x86)
	var status *StatusError
	if errors.As(err, &status) {
		return fmt.Errorf("%w: %w", ErrAccessDenied, err)
	}
	if err != nil {
		return err
	}
	want, err := pace.Token(info.Protocol, kMac, info.Curve, mine)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want, answer) != 1 {
		return fmt.Errorf("%s: %w: the chip's token is wrong", doing, ErrProtocol)
	}
	return nil
}
