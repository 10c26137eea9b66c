// Package cccd is what is Vietnamese about an identity document: the personal
// number, the QR codes of the card of 2021 ("Căn cước công dân"), of 2024 ("Căn
// cước"), of VNeID and of the health insurance card, data group 13 of the chip,
// what the MRZ of the card holds, and the age at which the card expires.
//
//	qr, err := cccd.ParseQR(line)                 // from a scanner or a picture
//	can, err := cccd.CANFromNumber(qr.IDCode.Reveal())
//	...                                           // read the chip with it
//	dg13, err := cccd.ParseDG13(files[emrtd.DG13])
//	person := cccd.Merge(&qr, &mrz, &dg13)
//	for _, m := range cccd.CrossCheck(&qr, &mrz, &dg13) { ... }
//
// Everything here reads what strangers hand in: input is bounded, what cannot be
// understood is kept raw and told in a warning, and neither warnings nor errors
// hold anything of a person.
package cccd
