// Package store is the hub's memory: the sealed envelopes of every device, which
// sequences arrived, and what could not be accepted. It is one bbolt file. What
// a person told a device stays sealed in it; the index beside it holds sequence,
// id, type and time only.
package store
