// Package register is what a device itself remembers: open stays, the passengers
// of a trip, who of a roster came, who is inside, today's visits.
//
// Each entry is encrypted with a key of its own (AES-256-GCM), and that key by the
// device's [Box]. Numbers are found by a keyed hash, so the file (bbolt) holds
// nothing of a person in clear. Deleting an entry destroys its key and rewrites
// the file without it; a chained log proves the deletion without naming anybody,
// and another one says who looked at what, and why.
//
//	reg, err := register.Open(path, register.Options{Box: box, Policy: policy})
//	ticket, err := reg.Begin(ctx, entry)   // on disk together with the draft of its record
//	receipt, err := queue.Accept(ctx, draft)
//	err = reg.Done(entry.ID, receipt.Sequence)
//
// What a crash leaves between the two is in [Register.Pending] at the next start.
package register
