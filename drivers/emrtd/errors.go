package emrtd

import (
	"errors"
	"fmt"
)

// What a caller decides on.
var (
	// ErrAccessDenied says that the chip did not accept the CAN or MRZ.
	ErrAccessDenied = errors.New("the chip refused the access number or MRZ")
	// ErrNoApplication says that the card is not an eMRTD.
	ErrNoApplication = errors.New("the card has no passport or identity application")
	// ErrCardGone says that the card stopped answering: it was taken away, or hangs.
	ErrCardGone = errors.New("the card does not answer any more")
	// ErrProtocol says that the chip answered something that makes no sense, or that
	// its answers do not prove what they must.
	ErrProtocol = errors.New("the chip answers against the protocol")
	// ErrTooLarge says that a file claims to be longer than allowed.
	ErrTooLarge = errors.New("larger than allowed")
	// ErrPassword says that a CAN or MRZ is not one, before any chip was asked.
	ErrPassword = errors.New("not an access number or MRZ")
	// ErrTimeout says that the whole read took longer than Options.Timeout.
	ErrTimeout = errors.New("the chip takes too long")
	// ErrNotSupported says that the chip asks for something that this reader cannot do.
	ErrNotSupported = errors.New("the chip offers no access that this reader knows")
)

// StatusError is a status word that ended what was being done.
type StatusError struct {
	SW    uint16
	Doing string
}

// Error says what was being done, the status word and what it usually means.
func (e *StatusError) Error() string {
	if m := meaning(e.SW); m != "" {
		return fmt.Sprintf("%s: status %04X (%s)", e.Doing, e.SW, m)
	}
	return fmt.Sprintf("%s: status %04X", e.Doing, e.SW)
}

func meaning(sw uint16) string {
	switch sw {
	case 0x6282:
		return "end of file"
	case 0x6300:
		return "authentication failed"
	case 0x6700:
		return "wrong length"
	case 0x6982:
		return "security status not satisfied"
	case 0x6983:
		return "blocked"
	case 0x6985:
		return "conditions of use not satisfied"
	case 0x6986:
		return "not allowed"
	case 0x6884:
		return "command chaining not known"
	case 0x6987, 0x6988:
		return "secure messaging rejected"
	case 0x6A80:
		return "wrong data"
	case 0x6A82:
		return "file not found"
	case 0x6A86:
		return "wrong parameters"
	case 0x6A88:
		return "referenced data not found"
	case 0x6B00:
		return "offset outside the file"
	case 0x6D00:
		return "instruction not known"
	case 0x6E00:
		return "class not known"
	}
	if sw&0xFFF0 == 0x63C0 {
		return fmt.Sprintf("authentication failed, %d tries left", sw&0xF)
	}
	return ""
}
