// Package keys opens the device's signing key wherever it lives, behind
// crypto.Signer: a file, a systemd credential, a TPM 2.0 or a PKCS#11 token.
//
// A reference names it:
//
//	file:device.jwk                     a JWK of mode 0600; made when it is not there (the default)
//	credential:NAME                     a JWK that systemd unsealed into $CREDENTIALS_DIRECTORY
//	tpm:0x81010001                      a key that never leaves the TPM; made at that persistent handle when it is empty
//	tpm:0x81010001@/dev/tpmrm0          the same with a device, or a socket: …@unix:/run/swtpm.sock
//	pkcs11:token=…;object=…?module-path=…&pin-source=…    RFC 7512; made in the token when it is not there
//
// Relative paths count from the state folder. Every key is on P-256: the same
// key signs records, certificate requests and TLS handshakes.
package keys
