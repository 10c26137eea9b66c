// Package passage decides at a gate whether somebody may pass, opens it, and
// finds out whether they did.
//
// The decision needs no network: the hub's allow list lies here as hashes. It is
// made twice, when the person is known and again in the moment before the relay
// is switched, and whatever is not clearly allowed is refused: no list, a list or
// an entry that is over, a number that is on no entry, a file that cannot be read.
// A relay is switched nowhere else.
//
//	gate := passage.New(passage.Options{List: lists.Allowance, Opener: relay, Sensed: true, Within: 10 * time.Second, …})
//	became, err := gate.Pass(ctx, entry) // a visit.Door
package passage
