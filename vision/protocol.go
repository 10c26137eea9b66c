package vision

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ProtocolVersion is what both halves must agree on; the worker tells its own in
// the answer to a ping.
const ProtocolVersion = 1

// Bounds of one message. What exceeds them is refused before it is allocated.
const (
	MaxHeader = 64 << 10 // bytes of JSON
	MaxBlobs  = 8
	MaxBlob   = 24 << 20 // bytes of one blob
)

// ErrProtocol is a message that breaks the protocol: the connection is of no
// more use.
var ErrProtocol = errors.New("broken message between tram and tram-vision")

// Message is one unit on the socket between tram and tram-vision: a JSON header
// of at most MaxHeader bytes and up to MaxBlobs blobs. On the wire: the header's
// length as a 32-bit big-endian number, the header, the blobs in the order of
// their lengths in the header.
type Message struct {
	ID    uint64          `json:"id"`
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body,omitempty"`
	Sizes []int           `json:"sizes,omitempty"` // of Blobs; set by WriteMessage
	Blobs [][]byte        `json:"-"`
}

// The kinds of messages. A question is answered by exactly one KindAnswer or
// KindError with the same ID, before it by any number of KindProgress.
const (
	KindPing     = "ping"
	KindPortrait = "portrait"
	KindCompare  = "compare"
	KindVerify   = "verify"
	KindCount    = "count"
	KindQR       = "qr"
	KindCodes    = "codes"
	KindStill    = "still"
	KindLook     = "look" // give a picture of the count in hand
	KindStop     = "stop" // end the question in hand early and answer with what there is

	KindAnswer   = "answer"
	KindProgress = "progress"
	KindError    = "error"
)

// wipe overwrites the blobs: they may show a person.
func (m Message) wipe() {
	for _, b := range m.Blobs {
		clear(b)
	}
}

// Fault is the body of a KindError message.
type Fault struct {
	Code string `json:"code"`
	Text string `json:"text"` // never anything of a person
}

// WriteMessage sends m in one write.
func WriteMessage(w io.Writer, m Message) error {
	if len(m.Blobs) > MaxBlobs {
		return fmt.Errorf("%w: %d blobs, at most %d", ErrProtocol, len(m.Blobs), MaxBlobs)
	}
	m.Sizes = make([]int, len(m.Blobs))
	total := 0
	for i, b := range m.Blobs {
		if len(b) > MaxBlob {
			return fmt.Errorf("%w: a blob of %d bytes, at most %d", ErrProtocol, len(b), MaxBlob)
		}
		m.Sizes[i] = len(b)
		total += len(b)
	}
	header, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("%w: encode header: %v", ErrProtocol, err) //nolint:errorlint // the JSON error is a detail
	}
	if len(header) > MaxHeader {
		return fmt.Errorf("%w: a header of %d bytes, at most %d", ErrProtocol, len(header), MaxHeader)
	}
	buf := make([]byte, 4, 4+len(header)+total)
	binary.BigEndian.PutUint32(buf, uint32(len(header))) //nolint:gosec // bounded above
	buf = append(buf, header...)
	for _, b := range m.Blobs {
		buf = append(buf, b...)
	}
	_, err = w.Write(buf)
	clear(buf) // it may hold a face
	if err != nil {
		return fmt.Errorf("send %s: %w", m.Kind, err)
	}
	return nil
}

// ReadMessage receives one message. It returns io.EOF when the other side closed
// between two messages, ErrProtocol for what is none.
func ReadMessage(r io.Reader) (Message, error) {
	var m Message
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return m, io.EOF
		}
		return m, fmt.Errorf("receive a length: %w", err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n == 0 || n > MaxHeader {
		return m, fmt.Errorf("%w: a header of %d bytes", ErrProtocol, n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return m, fmt.Errorf("receive a header: %w", err)
	}
	if err := json.Unmarshal(header, &m); err != nil {
		return Message{}, fmt.Errorf("%w: header is no JSON", ErrProtocol)
	}
	if len(m.Sizes) > MaxBlobs {
		return Message{}, fmt.Errorf("%w: %d blobs", ErrProtocol, len(m.Sizes))
	}
	for _, size := range m.Sizes {
		if size < 0 || size > MaxBlob {
			return Message{}, fmt.Errorf("%w: a blob of %d bytes", ErrProtocol, size)
		}
	}
	for _, size := range m.Sizes {
		blob, err := readBlob(r, size)
		if err != nil {
			return Message{}, err
		}
		m.Blobs = append(m.Blobs, blob)
	}
	return m, nil
}

// readBlob grows with what arrives: a length alone allocates at most 1 MiB.
func readBlob(r io.Reader, size int) ([]byte, error) {
	const chunk = 1 << 20
	blob := make([]byte, 0, min(size, chunk))
	for len(blob) < size {
		n := min(size-len(blob), chunk)
		at := len(blob)
		blob = append(blob, make([]byte, n)...)
		if _, err := io.ReadFull(r, blob[at:]); err != nil {
			return nil, fmt.Errorf("receive a blob: %w", err)
		}
	}
	return blob, nil
}
