package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// maxShared is how many bytes an envelope may share with the one before it: a
// header's worth, so that a small message cannot become a large one.
const maxShared = 512

// packedBatch is how a Batch travels: [version, envelopes].
type packedBatch struct {
	_         struct{} `cbor:",toarray"`
	V         int
	Envelopes []packedEnvelope
}

// packedEnvelope is an envelope without the bytes that it begins with as the
// one before it does: those sealed in one session have the same header.
type packedEnvelope struct {
	_      struct{} `cbor:",toarray"`
	First  uint64
	Count  uint64
	Shared uint64
	Rest   []byte
}

var (
	packing   = must(cbor.CoreDetEncOptions().EncMode())
	unpacking = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: MaxEnvelopes, MaxMapPairs: 16,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constants
	}
	return v
}

// encode writes the batch in CBOR.
func (b *Batch) encode() []byte {
	p := packedBatch{V: messageVersion, Envelopes: make([]packedEnvelope, len(b.Envelopes))}
	var before []byte
	for i, e := range b.Envelopes {
		n := 0
		for n < len(before) && n < len(e.Sealed) && n < maxShared && before[n] == e.Sealed[n] {
			n++
		}
		p.Envelopes[i] = packedEnvelope{First: e.First, Count: e.Last - e.First + 1, Shared: uint64(n), Rest: e.Sealed[n:]}
		before = e.Sealed
	}
	return must(packing.Marshal(p))
}

// ParseBatch reads a Batch.
func ParseBatch(b []byte) (Batch, error) {
	if len(b) > MaxBatch {
		return Batch{}, fmt.Errorf("batch of %d bytes: %w (at most %d)", len(b), ErrFormat, MaxBatch)
	}
	var p packedBatch
	if err := unpacking.Unmarshal(b, &p); err != nil {
		return Batch{}, fmt.Errorf("batch: %w (CBOR)", ErrFormat)
	}
	if p.V != messageVersion {
		return Batch{}, fmt.Errorf("batch of version %d: %w (version %d)", p.V, ErrFormat, messageVersion)
	}
	if len(p.Envelopes) == 0 || len(p.Envelopes) > MaxEnvelopes {
		return Batch{}, fmt.Errorf("batch of %d envelopes: %w (1 to %d)", len(p.Envelopes), ErrFormat, MaxEnvelopes)
	}
	m := Batch{Envelopes: make([]Envelope, len(p.Envelopes))}
	var before []byte
	for i, e := range p.Envelopes {
		if e.First == 0 || e.First > MaxSequence || e.Count == 0 || e.Count > MaxEvents {
			return Batch{}, fmt.Errorf("envelope %d of the batch: sequences: %w", i+1, ErrFormat)
		}
		if e.Shared > maxShared || e.Shared > uint64(len(before)) {
			return Batch{}, fmt.Errorf("envelope %d of the batch shares %d bytes: %w", i+1, e.Shared, ErrFormat)
		}
		sealed := e.Rest
		if e.Shared > 0 {
			sealed = append(append(make([]byte, 0, int(e.Shared)+len(e.Rest)), before[:e.Shared]...), e.Rest...)
		}
		if len(sealed) == 0 || len(sealed) > MaxSealed {
			return Batch{}, fmt.Errorf("envelope %d of the batch has %d bytes: %w (1 to %d)", i+1, len(sealed), ErrFormat, MaxSealed)
		}
		m.Envelopes[i] = Envelope{First: e.First, Last: e.First + e.Count - 1, Sealed: sealed}
		before = sealed
	}
	return m, nil
}
