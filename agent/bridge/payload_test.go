package bridge

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// Worked examples of the protocol's documents.
func TestPayloadsOfBothRevisions(t *testing.T) {
	for _, tc := range []struct {
		name     string
		revision int
		text     bool
		packets  []string
		body     string
	}{
		{"revision 4", 4, false, []string{"4hello", "2", "4world"}, "4hello\x1e2\x1e4world"},
		{"revision 3 as text", 3, true, []string{"4hello", "2"}, "6:4hello1:2"},
		{"revision 3 in binary", 3, false, []string{"4hello", "42[\"a\"]"}, "\x00\x06\xff4hello\x00\x07\xff42[\"a\"]"},
		{"revision 3 in binary, two digits", 3, false, []string{strings.Repeat("4", 12)}, "\x00\x01\x02\xff" + strings.Repeat("4", 12)},
	} {
		body, _ := encodePayload(tc.revision, tc.text, tc.packets)
		if string(body) != tc.body {
			t.Errorf("%s: got %q, want %q", tc.name, body, tc.body)
		}
		if got, err := decodePayload(tc.revision, body); err != nil || !slices.Equal(got, tc.packets) {
			t.Errorf("%s back: got %q %v, want %q", tc.name, got, err, tc.packets)
		}
	}
	// The length counts UTF-16 units: the document's example "2:4€".
	if got, err := decodePayload(3, []byte("2:4€10:b4AQIDBA==")); err != nil || !slices.Equal(got, []string{"4€", "b4AQIDBA=="}) {
		t.Errorf("got %q %v", got, err)
	}
}

func FuzzDecodePayload(f *testing.F) {
	for _, seed := range []string{"4hello\x1e2", "6:4hello1:2", "\x00\x06\xff4hello", "99999999:4", "\x00\xff", "\x01\x09\x09\x09\x09\x09\x09\x09\x09\xff", ":", "2:4€"} {
		f.Add(3, []byte(seed))
		f.Add(4, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, revision int, body []byte) {
		list, err := decodePayload(revision, body)
		if err == nil && len(list) > maxPackets {
			t.Errorf("%d packets", len(list))
		}
		n := 0
		for _, p := range list {
			n += len(p)
		}
		if n > 3*len(body) {
			t.Errorf("%d bytes out of %d", n, len(body))
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"0", `0{"token":"x"}`, "0/event,", `2["/get_aa",{}]`, `212["x"]`, "1", "", "4", "2/ns,1[", `299999999999[`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		s := &session{ctx: ctx, cancel: cancel, revision: 4, wake: make(chan struct{}, 1)}
		s.joined.Do(func() {}) // nobody to follow
		s.packet("4" + message)
		for _, p := range s.take() {
			for _, r := range p {
				if r >= 0x80 {
					t.Errorf("%q answers %q, which is not ASCII", message, p)
				}
			}
		}
	})
}
