// Package hub is the reference hub: it shows what a hub has to do, and serves
// trials and tests.
//
// It takes envelopes from MQTT, opens those that a known device sealed, stores
// them with one fsync for all that came together, and only then acknowledges,
// by sequence. What it cannot open it keeps aside and refuses by name. It
// counts duplicates, gaps and breaks of the chain by device.
package hub
