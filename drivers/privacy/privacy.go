// Package privacy keeps a person's data out of logs, errors, metrics and JSON
// by accident. A Private value prints as "[redacted]" wherever it is formatted,
// logged or encoded, however deep it is nested; Reveal is the one way to its
// content, easy to search for and to review.
package privacy

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Private value prints as.
const Redacted = "[redacted]"

// Private holds a T that belongs to a person. The value sits in a closure, so
// that neither reflection-based printers nor encoders reach it. The zero
// Private holds the zero T.
type Private[T any] struct {
	reveal func() T
}

// New wraps v.
func New[T any](v T) Private[T] {
	return Private[T]{reveal: func() T { return v }}
}

// Reveal returns the wrapped value. Call it only where the person's data is
// meant to go: the screen, the sealed record, the caller of the local API.
func (p Private[T]) Reveal() T {
	if p.reveal == nil {
		var zero T
		return zero
	}
	return p.reveal()
}

// IsSet reports whether the value was ever set.
func (p Private[T]) IsSet() bool { return p.reveal != nil }

// String returns "[redacted]".
func (Private[T]) String() string { return Redacted }

// GoString returns "[redacted]".
func (Private[T]) GoString() string { return Redacted }

// Format writes "[redacted]" for every verb.
func (Private[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue logs "[redacted]".
func (Private[T]) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON encodes "[redacted]".
func (Private[T]) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText encodes "[redacted]".
func (Private[T]) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
