// Package pace holds the parts of Password Authenticated Connection
// Establishment (Doc 9303-11 §4.4, TR-03110-3 §A.3) that reader and chip share:
// what EF.CardAccess offers, the standardised domain parameters, the three mappings,
// the key agreement and the authentication tokens.
//
// A Domain is an elliptic curve or a group modulo a prime with a generator; keys are the
// bytes that go over the link. Both sides do the same four steps:
//
//	key      := pace.PasswordKey(secret, protocol.Cipher)        // K_pi
//	nonce, _ := pace.DecryptNonce(protocol.Cipher, key, hidden)  // the chip: EncryptNonce
//	d, _     := info.Domain.MapGeneric(nonce, mine.Private, theirMappingKey)
//	mine2, _ := d.NewKey(rand.Reader)
//	shared, _ := d.Secret(mine2.Private, theirKey)
//	token, _ := d.Token(protocol, kMac, theirKey)
//
// MapIntegrated takes the place of MapGeneric with integrated mapping. With chip
// authentication mapping the chip adds ChipData, which ChipDataFits holds against its
// static key.
//
// Every secret and coordinate keeps the full length of its field: to drop leading
// zeros would fail one session in 256, and on P-521 two in five. The worked examples
// of Doc 9303-11 appendices G, H and I are tests of this package.
package pace
