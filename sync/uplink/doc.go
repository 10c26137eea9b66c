// Package uplink carries sealed records from the outbox to the hub over MQTT
// and brings the hub's acknowledgements back.
//
// The MQTT library is a dumb pipe: it keeps nothing, resends nothing and
// reconnects never. Every connection is a new client in a loop of our own with
// full jitter; what is not acknowledged by the hub's own message stays in the
// outbox and is sent again. A PUBACK only means "sent". Without a hub that says
// it is up, nothing is sent at all. While a backlog goes out from the oldest on, fresh
// records go beside it.
//
// What the hub says must be signed when its keys are known: an acknowledgement
// that is not frees nothing. Commands are stored by the Inbox before they are
// acknowledged to the broker. Ask puts a question to the hub and is honest when
// nobody is there.
package uplink
