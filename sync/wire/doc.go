// Package wire is the contract between a device and the hub: what a record is,
// what goes over MQTT, on which topics, and what the hub answers.
//
// A record is a CloudEvents 1.0 event. One to a hundred records that a device
// accepted at the same moment are sealed together as one envelope (package
// tram/sync/seal); the envelopes of a device form a chain, since every record
// carries the SHA-256 of the sealed envelope before its own. A Batch carries
// envelopes to the hub, an Ack comes back and says which sequences the hub has.
//
// Everything here is read from outside, so every parser has a size limit and
// returns an error that quotes nothing of what it read. The words for people
// are in docs/contract/wire.md.
package wire
