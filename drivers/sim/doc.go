// Package sim plays the hardware of a counter where there is none: a citizen
// who does not exist, the chip card of that citizen, the reader slot the card
// is laid on, and a QR scanner. The demo, the tests and a technician's bench
// use it in the place of real devices; nothing above the drivers can tell the
// difference.
//
//	pki, err := sim.NewPKI()
//	card, err := sim.NewCard(sim.DefaultCitizen(), pki, portraitJPEG)
//	err = sim.Insert(ctx, "127.0.0.1:35963", card) // pcscd now has a card until ctx ends
//
// A Card answers the commands of an ICAO 9303 chip with the profile of the
// Vietnamese ID card: PACE with the CAN or the MRZ, Basic Access Control,
// secure messaging, EF.COM, EF.SOD and the data groups. Its files are signed by
// a test PKI that is made when the program starts, so nothing it shows can be
// taken for a genuine card by a reader that trusts only genuine signers.
//
// Options make the card misbehave the ways cards do: a changed file, an unknown
// or expired signer, a slow link, a card pulled or hung in the middle, a file
// that claims to be 4 GB long, any status word at any instruction.
//
// Simulated citizens carry ID numbers of the province codes 097 to 099, which
// are not given to anybody; all others are refused. testdata/citizen.yaml is a
// citizen's file with a comment on every field.
package sim
