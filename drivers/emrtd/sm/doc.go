// Package sm is secure messaging: after access control every command and every
// answer between reader and chip is encrypted and carries a checksum (Doc 9303-11
// §9.8). It plays both sides: the reader wraps commands and unwraps answers, a
// virtual card unwraps commands and wraps answers.
//
// Ciphers are two-key triple DES in CBC with the ISO/IEC 9797-1 retail MAC, and
// AES with 128, 192 or 256 bits in CBC with CMAC. KDF derives their keys (§9.7.1).
package sm
