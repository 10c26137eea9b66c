// Package seal signs what a device recorded and encrypts it to the hub, before
// it touches the disk, and opens it there; and it signs what a hub says to its
// devices.
//
// A sealed envelope of format "tram2" is a COSE_Encrypt0 (A256GCM) around a
// COSE_Sign1 (ES256) around the raw DEFLATE (RFC 1951) of a CloudEvents batch,
// with the preset dictionary of dictionary2.txt. The content key comes from
// HPKE (RFC 9180, P-256), once for the envelopes of a session; COSE's Partial
// IV numbers them. Compression lies inside the signature, so that the hub
// inflates only what a known device signed, and no larger than MaxPlain. An
// Opener takes no other algorithm or header member. docs/contract/wire.md has
// the bytes, docs/decisions/sealing.md the reasons.
//
// What a hub says is JSON, signed as a compact JWS (ES256) for one device and
// one purpose, and encrypted to the device's box (ECDH-ES, A256GCM) when it
// holds a person's data.
//
// Keys are JWKs in files of mode 0600, made where they are used and written by
// way of a temporary file, fsync and rename. A key's id is its RFC 7638
// thumbprint. A device's signing key may be any crypto.Signer.
package seal
