// Package seal signs what a device recorded and encrypts it to the hub, before
// it touches the disk, with JOSE and fixed algorithms.
//
// A sealed envelope of format "tram1" is a JWE in compact serialisation
// (ECDH-ES on P-256, A256GCM; kid = the hub's key) around a JWS in compact
// serialisation (ES256; kid = the device's key) around the raw DEFLATE
// (RFC 1951) of a CloudEvents batch, with the preset dictionary of
// dictionary1.txt. Compression lies inside the signature, so that the hub
// inflates only what a known device signed, and no larger than MaxPlain. Both
// protected headers carry typ "tram1"; an Opener takes no other algorithm, type
// or header member. A further format (COSE, say) gets a further typ and lives
// beside this one.
//
// Keys are JWKs in files of mode 0600, made where they are used and written by
// way of a temporary file, fsync and rename. A key's id is its RFC 7638
// thumbprint.
package seal
