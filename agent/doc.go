// Package agent is the daemon: it builds every part of a device from its
// configuration, runs them, and stops them again.
//
// The way of the data is: scanner and reader give evidence to a visit, the visit
// makes a record, the outbox has it on disk before anybody is told that it is
// accepted, the uplink carries it to the hub, and only the hub's own
// acknowledgement frees it.
package agent
