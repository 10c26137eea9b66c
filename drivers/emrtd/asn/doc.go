// Package asn reads the few ASN.1 types of certificates, signed data and
// SecurityInfos from their BER with definite lengths.
//
// encoding/asn1 and crypto/x509 hold to DER and to what web certificates look
// like; issuers of passports have left both in small ways for twenty years. What
// is read here is taken as it is, and every signature is checked over the bytes
// as they stood.
package asn
