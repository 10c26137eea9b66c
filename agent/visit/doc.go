// Package visit is one person at one counter: the state machine that leads from
// evidence (a QR code, a chip, a face) over consent and confirmation to a
// record.
package visit
