// Package uplink carries sealed records from the outbox to the hub over MQTT
// and brings the hub's acknowledgements back.
//
// The MQTT library is a dumb pipe: it keeps nothing, resends nothing and
// reconnects never. Every connection is a new client in a loop of our own with
// full jitter; what is not acknowledged by the hub's own message stays in the
// outbox and is sent again. A PUBACK only means "sent". Without a hub that says
// it is up, nothing is sent at all.
package uplink
