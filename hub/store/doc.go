// Package store is the hub's memory: the sealed envelopes of every device, which
// sequences arrived, what could not be accepted, and the orders to devices. What
// a person told a device stays sealed in it; the index beside it holds sequence,
// id, type and times only, and of counts of stays the numbers.
//
// There are two stores behind one interface: one bbolt file, for one hub
// process, and a PostgreSQL database, which any number of hub processes share.
// Both decide by the same code (apply) what becomes of an envelope.
package store
