package pcsc

import (
	"errors"
	"fmt"

	"github.com/ebfe/scard"
)

// What a caller decides by. Errors of this package wrap them, and the PC/SC
// error beneath.
var (
	ErrNoService = errors.New("the PC/SC service does not answer") // pcscd is not installed, does not run, or refuses
	ErrNoReader  = errors.New("the reader is not there")           // unplugged, or never was
	ErrNoCard    = errors.New("no card is in the reader")
	ErrCardGone  = errors.New("the card was taken away") // or lost contact, or was reset: start over
	ErrTimeout   = errors.New("the card does not answer in time")
	ErrMute      = errors.New("the card does not answer to power") // laid badly, or broken
	ErrInUse     = errors.New("the reader is used by another program")
	ErrRefused   = errors.New("the PC/SC service refuses this user") // polkit
)

// meaning sorts PC/SC's error codes into what a caller decides by.
var meaning = map[scard.Error]error{
	scard.ErrNoService:          ErrNoService,
	scard.ErrServiceStopped:     ErrNoService,
	scard.ErrInvalidHandle:      ErrNoService,
	scard.ErrShutdown:           ErrNoService,
	scard.ErrCommError:          ErrNoService,
	scard.ErrInternalError:      ErrNoService,
	scard.ErrServerTooBusy:      ErrNoService,
	scard.ErrNoReadersAvailable: ErrNoReader,
	scard.ErrUnknownReader:      ErrNoReader,
	scard.ErrReaderUnavailable:  ErrNoReader,
	scard.ErrNoSmartcard:        ErrNoCard,
	scard.ErrRemovedCard:        ErrCardGone,
	scard.ErrResetCard:          ErrCardGone,
	scard.ErrUnpoweredCard:      ErrCardGone,
	scard.ErrNotTransacted:      ErrCardGone, // a reader says this of a card that left its field
	scard.ErrUnresponsiveCard:   ErrMute,
	scard.ErrUnsupportedCard:    ErrMute,
	scard.ErrProtoMismatch:      ErrMute,
	scard.ErrSharingViolation:   ErrInUse,
	scard.ErrSecurityViolation:  ErrRefused,
	scard.ErrNoAccess:           ErrRefused,
	scard.ErrTimeout:            ErrTimeout,
}

// explain puts the sentinel before PC/SC's own words.
func explain(err error) error {
	var code scard.Error
	if errors.As(err, &code) {
		if sentinel, ok := meaning[code]; ok {
			return fmt.Errorf("%w (%w)", sentinel, code)
		}
	}
	return err
}
