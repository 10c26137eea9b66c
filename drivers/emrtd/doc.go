// Package emrtd reads and verifies the chip of a passport or identity card
// (ICAO Doc 9303, parts 10 to 12): the Vietnamese CCCD and any other eMRTD.
//
//	pw, err := emrtd.CAN("000017")                      // or MRZ, MRZLines
//	doc, err := emrtd.Read(ctx, card, pw, emrtd.Options{})
//	v := emrtd.VerifyDocument(doc, trust, time.Now())
//	fmt.Println(doc.Access.Protocol, v.Assurance())     // … chip-genuine
//	mrz, err := emrtd.ParseDG1(doc.Files[emrtd.DG1])
//
// Read opens the chip with PACE, or with BAC where the password allows it and
// the chip offers no PACE, brings the files as they are, byte for byte, and lets
// the chip prove by Chip and Active Authentication that it is no copy.
// VerifyDocument answers five separate questions about all that and never blurs
// them into one; Verify answers those that files alone can; Assurance says what
// the answers are worth together.
//
// A card is hostile input. Every length it claims is bounded before anything is
// allocated, every answer is checked, and what is read is not decoded here: a
// portrait leaves as bytes. Reading is liberal, because chips differ; verifying
// is strict. Nothing of a person is in an error, and Files, Password and
// MRZInfo print redacted.
package emrtd
