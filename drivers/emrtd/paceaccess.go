package emrtd

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// errRefused says that the chip did not take a protocol; the next may be tried.
type errRefused struct{ error }

func (e errRefused) Unwrap() error { return e.error }

// pace opens the chip with the strongest of its offers that it does not refuse.
func (r *reader) pace(ctx context.Context, pw Password, offers []pace.Info) (pace.Info, error) {
	var first error
	for _, info := range offers {
		err := r.paceWith(ctx, pw, info)
		if err == nil {
			return info, nil
		}
		var long *errLongRefused
		if errors.As(err, &long) { // a number of 2048 bits, and a reader of short commands only
			r.refuseLong()
			if gone := r.toMasterFile(ctx); gone != nil {
				return info, gone
			}
			err = errRefused{err}
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

// paceWith runs one protocol (Doc 9303-11 §4.4.3). What the chip refuses before the
// password could show wrong is a protocol that it does not know.
func (r *reader) paceWith(ctx context.Context, pw Password, info pace.Info) error {
	if err := r.setAT(ctx, pw, info); err != nil {
		return err
	}
	p := info.Protocol
	hidden, err := r.authenticate(ctx, "PACE: ask for the nonce", 0x10, 0, nil, 0x80)
	if err != nil {
		return refusedBy(err)
	}
	nonce, err := pace.DecryptNonce(p.Cipher, pace.PasswordKey(pw.secret.Reveal(), p.Cipher), hidden)
	if err != nil {
		return fmt.Errorf("PACE: %w: %w", ErrProtocol, err)
	}
	session, chipsMapping, err := r.mapNonce(ctx, info, nonce)
	if err != nil {
		return refusedBy(err)
	}
	mine, theirs, err := r.agree(ctx, "PACE: agree on a key", session, 0x83, 0x84)
	if err != nil {
		return refusedBy(err)
	}
	secret, err := session.Secret(mine.Private, theirs)
	if err != nil {
		return fmt.Errorf("PACE: %w: %w", ErrProtocol, err)
	}
	kEnc, kMac := pace.SessionKeys(secret, p.Cipher)
	chipData, err := r.tokens(ctx, info, kMac, mine.Public, theirs)
	if err != nil {
		return err
	}
	r.mapped = nil
	if p.Mapping == pace.ChipAuthentication {
		r.mapped = newMappedKey(info, kEnc, chipData, chipsMapping)
	}
	r.session, err = sm.New(p.Cipher, kEnc, kMac, nil)
	return err
}

// refusedBy makes a refusal of a status word.
func refusedBy(err error) error {
	var status *StatusError
	if errors.As(err, &status) {
		return errRefused{err}
	}
	return err
}

// setAT names protocol and password. A warning about tries left is no refusal.
// The domain parameter is named where several are offered, else only when the
// chip asks for it by refusing.
func (r *reader) setAT(ctx context.Context, pw Password, info pace.Info) error {
	plain := append(tlv.Encode(0x80, info.Protocol.Content()), tlv.Encode(0x83, []byte{pw.reference()})...)
	variants := [][]byte{plain}
	if info.Parameter >= 0 && info.Parameter <= 0xFF {
		named := append(append([]byte{}, plain...), tlv.Encode(0x84, []byte{byte(info.Parameter)})...)
		variants = append(variants, named)
		if r.ambiguous {
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

// step is one GENERAL AUTHENTICATE with data object tag.
func (r *reader) step(ctx context.Context, doing string, cla byte, tag uint32, value []byte) ([]byte, error) {
	cmd := apdu.Command{CLA: cla, INS: 0x86, Data: pace.DynamicData(tag, value), Le: 256}
	if cmd.IsExtended() { // a number of 2048 bits: so is the answer
		cmd.Le = 65536
	}
	return r.must(ctx, doing, cmd)
}

// authenticate is a step that data object want comes back from.
func (r *reader) authenticate(ctx context.Context, doing string, cla byte, tag uint32, value []byte, want uint32) ([]byte, error) {
	data, err := r.step(ctx, doing, cla, tag, value)
	if err != nil {
		return nil, err
	}
	v, err := pace.FromDynamicData(data, want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
	}
	return v, nil
}

// mapNonce finds the session's generator: by an exchange of keys, of which it returns
// the chip's, or for integrated mapping by a nonce of the reader's own.
func (r *reader) mapNonce(ctx context.Context, info pace.Info, nonce []byte) (*pace.Domain, []byte, error) {
	const doing = "PACE: map the nonce"
	var session *pace.Domain
	var theirs []byte
	if info.Protocol.Mapping == pace.Integrated {
		own := make([]byte, pace.ReadersNonceSize(info.Protocol.Cipher))
		if _, err := io.ReadFull(r.random, own); err != nil {
			return nil, nil, fmt.Errorf("%s: random number: %w", doing, err)
		}
		if _, err := r.step(ctx, doing, 0x10, 0x81, own); err != nil { // the answer holds nothing
			return nil, nil, err
		}
		var err error
		if session, err = info.Domain.MapIntegrated(info.Protocol.Cipher, nonce, own); err != nil {
			return nil, nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
		}
		return session, nil, nil
	}
	mine, theirs, err := r.agree(ctx, doing, info.Domain, 0x81, 0x82)
	if err != nil {
		return nil, nil, err
	}
	if session, err = info.Domain.MapGeneric(nonce, mine.Private, theirs); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
	}
	return session, theirs, nil
}

// agree exchanges ephemeral keys of a domain.
func (r *reader) agree(ctx context.Context, doing string, d *pace.Domain, tag, want uint32) (pace.KeyPair, []byte, error) {
	mine, err := d.NewKey(r.random)
	if err != nil {
		return pace.KeyPair{}, nil, err
	}
	theirs, err := r.authenticate(ctx, doing, 0x10, tag, mine.Public, want)
	if err != nil {
		return pace.KeyPair{}, nil, err
	}
	if err := d.Check(theirs); err != nil || bytes.Equal(theirs, mine.Public) {
		return pace.KeyPair{}, nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, pace.ErrKey)
	}
	return mine, theirs, nil
}

// tokens proves the key to the chip and checks the chip's proof. This is where a
// wrong password shows. It returns the chip's authentication data, if it sends any.
func (r *reader) tokens(ctx context.Context, info pace.Info, kMac, mine, theirs []byte) ([]byte, error) {
	const doing = "PACE: prove the key"
	token, err := info.Domain.Token(info.Protocol, kMac, theirs)
	if err != nil {
		return nil, err
	}
	data, err := r.step(ctx, doing, 0, 0x85, token)
	var status *StatusError
	if errors.As(err, &status) {
		return nil, fmt.Errorf("%w: %w", ErrAccessDenied, err)
	}
	if err != nil {
		return nil, err
	}
	answer, err := pace.FromDynamicData(data, 0x86)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", doing, ErrProtocol, err)
	}
	want, err := info.Domain.Token(info.Protocol, kMac, mine)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(want, answer) != 1 {
		return nil, fmt.Errorf("%s: %w: the chip's token is wrong", doing, ErrProtocol)
	}
	chipData, err := pace.FromDynamicData(data, 0x8A)
	if err != nil {
		return nil, nil
	}
	return chipData, nil
}
