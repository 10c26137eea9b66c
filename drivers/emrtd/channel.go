package emrtd

import (
	"context"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
)

// maxAnswer bounds what one command may bring, GET RESPONSE included.
const maxAnswer = 70000

// channel sends commands to one card, in clear or through secure messaging, and
// counts them.
type channel struct {
	card    Transceiver
	link    *Link
	session *sm.Session // nil: in clear
	long    bool        // an extended command was answered
}

// errLongRefused says that the link failed over the first extended command: the card
// is gone, or the reader in between knows short commands only.
type errLongRefused struct{ err error }

func (e *errLongRefused) Error() string   { return e.err.Error() }
func (e *errLongRefused) Unwrap() []error { return []error{e.err} }

// errSessionLost says that the card answered in clear or nonsense within secure
// messaging: the session is gone and access control has to start anew.
type errSessionLost struct {
	sw  uint16
	err error
}

func (e *errSessionLost) Error() string {
	return fmt.Sprintf("secure messaging ended with status %04X: %v", e.sw, e.err)
}

func (e *errSessionLost) Unwrap() []error { return []error{ErrProtocol, e.err} }

// exchange sends cmd, protected where a session is open. A status word other
// than 9000 is not an error here.
func (c *channel) exchange(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	if c.session == nil {
		return c.inClear(ctx, cmd)
	}
	wrapped, err := c.session.WrapCommand(cmd)
	if err != nil {
		return apdu.Response{}, err
	}
	answer, err := c.inClear(ctx, wrapped)
	if err != nil {
		return apdu.Response{}, err
	}
	plain, err := c.session.UnwrapResponse(answer)
	if err != nil {
		c.session = nil
		return plain, &errSessionLost{sw: plain.SW, err: err}
	}
	if plain.SW>>8 == 0x6C && cmd.Le >= 0 && int(plain.SW&0xFF) != cmd.Le {
		cmd.Le = lengthOf(plain.SW)
		return c.exchange(ctx, cmd)
	}
	return plain, nil
}

// inClear sends cmd as it is and follows 61xx and 6Cxx, which belong to the
// transport (ISO/IEC 7816-4 §5.3.4).
func (c *channel) inClear(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	r, err := c.transmit(ctx, cmd)
	if err != nil {
		return apdu.Response{}, err
	}
	if r.SW>>8 == 0x6C && len(r.Data) == 0 && cmd.Le != lengthOf(r.SW) {
		cmd.Le, cmd.Extended = lengthOf(r.SW), false
		if r, err = c.transmit(ctx, cmd); err != nil {
			return apdu.Response{}, err
		}
	}
	var data []byte
	for r.SW>>8 == 0x61 {
		data = append(data, r.Data...)
		if len(data) > maxAnswer {
			return apdu.Response{}, fmt.Errorf("%w: an answer of more than %d bytes", ErrProtocol, maxAnswer)
		}
		before := len(r.Data)
		if r, err = c.transmit(ctx, apdu.Command{INS: 0xC0, Le: lengthOf(r.SW)}); err != nil {
			return apdu.Response{}, err
		}
		if r.SW>>8 == 0x61 && len(r.Data) == 0 && before == 0 {
			return apdu.Response{}, fmt.Errorf("%w: GET RESPONSE brings nothing", ErrProtocol)
		}
	}
	r.Data = append(data, r.Data...)
	return r, nil
}

func lengthOf(sw uint16) int {
	if n := int(sw & 0xFF); n > 0 {
		return n
	}
	return 256
}

func (c *channel) transmit(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	if err := ctx.Err(); err != nil {
		return apdu.Response{}, err
	}
	out := cmd.Bytes()
	if out == nil {
		return apdu.Response{}, fmt.Errorf("command %v does not fit the link", cmd)
	}
	c.link.APDUs++
	c.link.BytesUp += len(out)
	in, err := c.card.Transmit(ctx, out)
	if err != nil {
		if stopped := ctx.Err(); stopped != nil {
			return apdu.Response{}, stopped
		}
		return apdu.Response{}, c.gone(cmd, err)
	}
	c.link.BytesDown += len(in)
	r, err := apdu.ParseResponse(in)
	if err != nil { // a card taken away in the middle, which PC/SC does not call an error
		return apdu.Response{}, fmt.Errorf("%w: %w", ErrCardGone, err)
	}
	c.long = c.long || cmd.IsExtended()
	if len(r.Data) > maxAnswer {
		return apdu.Response{}, fmt.Errorf("%w: an answer of %d bytes", ErrProtocol, len(r.Data))
	}
	return r, nil
}

// gone names an error of the link.
func (c *channel) gone(cmd apdu.Command, err error) error {
	err = fmt.Errorf("%w: %w", ErrCardGone, err)
	if cmd.IsExtended() && !c.long {
		return &errLongRefused{err}
	}
	return err
}

// must sends cmd and makes a StatusError of any status word but 9000.
func (c *channel) must(ctx context.Context, doing string, cmd apdu.Command) ([]byte, error) {
	r, err := c.exchange(ctx, cmd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if r.SW != 0x9000 {
		return nil, &StatusError{SW: r.SW, Doing: doing}
	}
	return r.Data, nil
}

// lengthy sends a command of the reader's whose data may be too long for a short one: with extended
// length where the card takes it, else in a chain of short commands (ISO/IEC 7816-4
// §5.3.3), each protected by itself. What the chip makes of a chain shows at its first link.
func (r *reader) lengthy(ctx context.Context, doing string, cmd apdu.Command) ([]byte, error) {
	room := 255
	if r.session != nil {
		room = r.session.MaxShortRead()
	}
	if len(cmd.Data) <= room || r.extended {
		return r.must(ctx, doing, cmd)
	}
	for rest := cmd.Data; ; {
		part := cmd
		part.Data = rest[:min(room, len(rest))]
		if rest = rest[len(part.Data):]; len(rest) == 0 {
			return r.must(ctx, doing, part)
		}
		part.CLA, part.Le = part.CLA|0x10, apdu.NoLe
		_, err := r.must(ctx, doing+" (too long for one command)", part)
		var status *StatusError
		first := len(rest)+len(part.Data) == len(cmd.Data)
		if errors.As(err, &status) && first && !r.refused {
			return r.must(ctx, doing, cmd) // no chains: extended length is worth a try
		}
		if err != nil {
			return nil, err
		}
	}
}

// fatal reports whether err ends the whole read: the card is gone or the
// caller's context ended. A status word is not fatal.
func fatal(err error) bool {
	var status *StatusError
	var lost *errSessionLost
	return err != nil && !errors.As(err, &status) && !errors.As(err, &lost)
}
