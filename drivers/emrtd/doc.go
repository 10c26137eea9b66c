// Package emrtd reads and verifies the chip of a passport or identity card
// (ICAO Doc 9303, parts 10 to 12): the Vietnamese CCCD and any other eMRTD.
//
//	pw, err := emrtd.CAN("000017")                      // or MRZ, MRZLines
//	doc, err := emrtd.Read(ctx, card, pw, emrtd.Options{})
//	v := emrtd.VerifyDocument(doc, trust, time.Now())
//	fmt.Println(doc.Access.Protocol, v.Assurance())     // … chip-genuine
//	mrz, err := emrtd.ParseDG1(doc.Files[emrtd.DG1])
//
// Read opens the chip with PACE (Doc 9303-11 §4.4) in any of its ways: generic,
// integrated and chip authentication mapping, on the standardised curves and the
// groups modulo a prime, with 3DES or AES; or with BAC (§4.3) where the password allows it and
// the chip offers no PACE. It brings the files as they are, byte for byte, and lets the
// chip prove by Chip and Active Authentication (§6.1, §6.2) that it is no copy; a mapping that
// proves the chip's key (§4.4.3.5) counts as Chip Authentication.
// VerifyDocument answers five separate questions about all that and never blurs
// them into one; Verify answers those that files alone can; Assurance says what
// the answers are worth together.
//
// A QR code of a CCCD is enough to read its chip:
//
//	can, err := emrtd.CAN(number[6:])
//	mrz, err := emrtd.MRZ(number[3:], birth, estimatedExpiry)
//	pw := emrtd.CANOrMRZ(can, mrz)                      // PACE first, then BAC
//
// Files come in as few commands as the card and its reader allow: with extended length
// where ATR or EF.ATR/INFO say so, else 256, 231 or 223 bytes at a time and less. What
// works is remembered for cards of the same kind. A shortcut that a card refuses, even by
// dropping the session, costs that shortcut only.
//
// A card is hostile input. Every length it claims is bounded, nothing is allocated
// for bytes that have not come, a read ends at Options.Timeout, every answer is
// checked, and what is read is not decoded here: a portrait leaves as bytes. Reading is liberal, because chips differ; verifying
// is strict. Nothing of a person is in an error, and Files, Password and
// MRZInfo print redacted.
package emrtd
