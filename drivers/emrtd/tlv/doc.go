// Package tlv reads and writes BER-TLV, the form of everything in a chip:
// files, data objects of secure messaging, and (as DER) the security objects.
//
//	nodes, rest, err := tlv.Parse(file, tlv.Limits{})
//	mrz := tlv.Find(nodes, 0x61, 0x5F1F)
//
// What it reads comes from outside: lengths are held against the bytes that
// are really there before anything is cut out of them, nothing is copied, and
// the number of nodes and the depth are bounded. Only definite lengths are
// read (ISO/IEC 7816-4 §5.2.2).
package tlv
