package emrtd

import (
	"context"
	"time"
)

// Transceiver exchanges one command for one answer with a card. An answer of
// fewer than two bytes means that the card is gone.
type Transceiver interface {
	Transmit(ctx context.Context, command []byte) ([]byte, error)
}

// Options of Read. The zero value reads everything that can be read.
type Options struct {
	// Want lists the files to read beside COM and SOD. nil: every readable data group,
	// DG1 and DG13 first, the portrait DG2 last.
	Want []FileID
	// Progress, when set, is called from Read's goroutine as files arrive.
	Progress func(Progress)
	// MaxFile bounds one file, in bytes; default 1 MiB, at most 3 MiB.
	MaxFile int
	// Timeout bounds the whole read; default 60 s. Below zero there is no bound.
	Timeout time.Duration
}

// Progress says how far a read is. Done and Total count bytes of File; they are
// zero where nothing is counted.
type Progress struct {
	Step  string // "access", "files", "verify"
	File  string // "DG2"
	Done  int
	Total int
}

// Document is what Read brought.
type Document struct {
	Access  Access
	Files   Files
	Skipped []Skipped
	Proofs  Proofs // see VerifyDocument
	Link    Link
	Steps   []Step
}

// Access is how the chip was opened.
type Access struct {
	Mechanism string // "PACE" or "BAC"
	Protocol  string // "id-PACE-ECDH-GM-AES-CBC-CMAC-128"; "BAC-3DES"
	Parameter int    // standardised domain parameter, 13 = brainpoolP256r1; 0 for none
	Password  string // "CAN" or "MRZ"
}

// Skipped is a file that was announced or wanted and is not among Files.
type Skipped struct {
	File   FileID
	Reason string
}

// Link counts what went over the link in both directions, status words and
// headers included.
type Link struct {
	APDUs       int
	AccessAPDUs int // of these, those until the application was open
	BytesUp     int // to the card
	BytesDown   int // from the card
}

// Step is a part of the read and how long it took: "access", "COM", "DG1", …,
// "chipAuthentication", "activeAuthentication"
type Step struct {
	Name string
	Took time.Duration
}
