// Package pace holds the parts of Password Authenticated Connection
// Establishment (Doc 9303-11 §4.4, TR-03110-3 §A.3) that reader and chip share:
// what EF.CardAccess offers, the standardised domain parameters, generic mapping
// over elliptic curves, the key agreement and the authentication tokens.
//
// Both sides do the same four steps:
//
//	key   := pace.PasswordKey(secret, protocol.Cipher)      // K_pi
//	nonce, _ := pace.DecryptNonce(protocol.Cipher, key, z)   // the chip: EncryptNonce
//	gen, _   := pace.MapGeneric(curve, nonce, mine.Private, theirMappingKey)
//	secret, _ := pace.SharedSecret(curve, mine2.Private, theirKey)
//	token, _ := pace.Token(protocol, kMac, curve, theirKey)
//
// Every secret and coordinate keeps the full length of the curve's field: to
// drop leading zeros would fail one session in 256, and on P-521 two in five.
package pace
