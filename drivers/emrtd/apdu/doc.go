// Package apdu encodes and decodes the commands to a chip and its answers
// (ISO/IEC 7816-3 §12.1, ISO/IEC 7816-4 §5.2): all four cases, short and extended, from
// both sides of the link.
package apdu
