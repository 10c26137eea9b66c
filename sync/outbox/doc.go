// Package outbox keeps records on the device until the hub has them.
//
//	store, err := outbox.Open(path, outbox.Options{Source: wire.Source("desk-1"), Seal: sealer.Seal, Log: log})
//	receipt, err := store.Accept(ctx, outbox.Draft{Type: "vn.tram.visit.registered.v1", Time: now, Data: data})
//	// the record is on disk: accepted
//
// Accept numbers the record, chains it to the one before, seals it and returns
// after the fsync. Records that arrive while the disk is busy share one seal
// and one fsync (a group commit of up to 100). Nothing but the hub's own
// acknowledgement (Acknowledge) deletes a record: what MQTT says moves it to
// "sent" at most.
//
// The store lives in one bbolt file and a small file beside it, PATH.mark, that
// holds the highest sequence ever reserved. A damaged file is kept aside as
// PATH.corrupt-TIME; the envelopes in it that still read are taken over, the
// count goes on above the mark, and a signed record names what may be gone.
package outbox
