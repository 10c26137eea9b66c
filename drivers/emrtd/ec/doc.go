// Package ec is the arithmetic of the elliptic curves that chips and their
// issuers use: the NIST curves from P-192 and the Brainpool curves (RFC 5639),
// found by object identifier or by explicit parameters, with points and
// coordinates that always have the length of the curve's field.
//
// PACE computes with a generator of its own for every session, which crypto/ecdh
// cannot do; this package therefore stands on the point operations of
// crypto/elliptic and checks every point that comes from outside before it reaches
// them. The curves come from there and from osanderson/brainpool. For those that
// the standard library does not have, multiplication is done here, in fixed
// steps and ten times as fast as with math/big; tests hold it against brainpool.
//
// Explicit parameters are accepted only when they are those of a known curve,
// generator and order included: a signer that brings a curve of its own could
// bring one on which it can forge (CVE-2020-0601).
package ec
