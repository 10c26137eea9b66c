package apdu

import (
	"errors"
	"fmt"
)

// NoLe says that a command expects no data.
const NoLe = -1

// Errors of Parse and ParseResponse.
var (
	ErrCommand  = errors.New("apdu: not a command")
	ErrResponse = errors.New("apdu: an answer of fewer than two bytes")
)

// Command is one command. Le is the number of bytes expected back: NoLe for
// none, else 1 to 65,536; 0 is taken as 256 in a short command and as 65,536
// in an extended one ("as many as there are").
type Command struct {
	CLA, INS, P1, P2 byte
	Data             []byte // at most 65,535 bytes
	Le               int
	Extended         bool // wants the extended form; it is also taken when Data or Le need it
}

// IsExtended reports whether Bytes will take the extended form.
func (c Command) IsExtended() bool {
	return (c.Extended && (len(c.Data) > 0 || c.Le >= 0)) || len(c.Data) > 255 || c.Le > 256
}

// String names the header and lengths, never the data, which may be a person's.
func (c Command) String() string {
	return fmt.Sprintf("%02X %02X %02X %02X (%d bytes, Le %d)", c.CLA, c.INS, c.P1, c.P2, len(c.Data), c.Le)
}

// Bytes returns the command as it goes over the link. Data beyond 65,535 bytes
// cannot be sent: the result is then nil.
func (c Command) Bytes() []byte {
	if len(c.Data) > 65535 || c.Le > 65536 {
		return nil
	}
	out := make([]byte, 0, len(c.Data)+10)
	out = append(out, c.CLA, c.INS, c.P1, c.P2)
	if !c.IsExtended() {
		if len(c.Data) > 0 {
			out = append(append(out, byte(len(c.Data))), c.Data...)
		}
		if c.Le >= 0 {
			out = append(out, byte(c.Le)) // 256 becomes 00
		}
		return out
	}
	out = append(out, 0)
	if len(c.Data) > 0 {
		out = append(append(out, byte(len(c.Data)>>8), byte(len(c.Data))), c.Data...)
	}
	if c.Le >= 0 {
		out = append(out, byte(c.Le>>8), byte(c.Le)) // 65,536 becomes 0000
	}
	return out
}

// Parse reads a command. Le comes back resolved: 256 or 65,536 where the
// encoding says zero, NoLe where there is none. Data is a part of b.
func Parse(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("%w: %d bytes", ErrCommand, len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3], Le: NoLe}
	body := b[4:]
	switch {
	case len(body) == 0:
		return c, nil
	case len(body) == 1:
		c.Le = expected(int(body[0]), 256)
		return c, nil
	case body[0] != 0:
		return c.short(body)
	case len(body) < 3:
		return Command{}, fmt.Errorf("%w: cut extended length", ErrCommand)
	}
	c.Extended = true
	n := int(body[1])<<8 | int(body[2])
	switch body = body[3:]; {
	case len(body) == 0:
		c.Le = expected(n, 65536)
		return c, nil
	case n > 0 && len(body) == n:
		c.Data = body
		return c, nil
	case n > 0 && len(body) == n+2:
		c.Data, c.Le = body[:n:n], expected(int(body[n])<<8|int(body[n+1]), 65536)
		return c, nil
	}
	return Command{}, fmt.Errorf("%w: extended length %d with %d bytes after it", ErrCommand, n, len(body))
}

func (c Command) short(body []byte) (Command, error) {
	n := int(body[0])
	switch body = body[1:]; len(body) {
	case n:
		c.Data = body
	case n + 1:
		c.Data, c.Le = body[:n:n], expected(int(body[n]), 256)
	default:
		return Command{}, fmt.Errorf("%w: length %d with %d bytes after it", ErrCommand, n, len(body))
	}
	return c, nil
}

func expected(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}

// Response is a chip's answer: its data and its status word.
type Response struct {
	Data []byte
	SW   uint16
}

// ParseResponse splits an answer. Data is a part of b.
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 {
		return Response{}, ErrResponse
	}
	return Response{Data: b[:n:n], SW: uint16(b[n])<<8 | uint16(b[n+1])}, nil
}

// Bytes returns the answer as it goes over the link.
func (r Response) Bytes() []byte {
	out := make([]byte, 0, len(r.Data)+2)
	return append(append(out, r.Data...), byte(r.SW>>8), byte(r.SW))
}

// String names the length and status, never the data.
func (r Response) String() string { return fmt.Sprintf("%04X (%d bytes)", r.SW, len(r.Data)) }
