package vision_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"tram/vision"
)

func message(header string, blobs ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	b = append(b, header...)
	for _, x := range blobs {
		b = append(b, x...)
	}
	return b
}

func TestAMessageArrivesAsItWasSent(t *testing.T) {
	var wire bytes.Buffer
	sent := vision.Message{ID: 7, Kind: vision.KindVerify, Body: []byte(`{"a":1}`), Blobs: [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{5}, 3<<20)}}
	if err := vision.WriteMessage(&wire, sent); err != nil {
		t.Fatal(err)
	}
	got, err := vision.ReadMessage(&wire)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != sent.ID || got.Kind != sent.Kind || string(got.Body) != string(sent.Body) || len(got.Blobs) != 3 {
		t.Errorf("got %d %s %s with %d blobs", got.ID, got.Kind, got.Body, len(got.Blobs))
	}
	for i := range sent.Blobs {
		if !bytes.Equal(got.Blobs[i], sent.Blobs[i]) {
			t.Errorf("blob %d differs", i)
		}
	}
	if _, err := vision.ReadMessage(&wire); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v, want io.EOF", err)
	}
}

func TestBrokenMessagesAreRefused(t *testing.T) {
	for name, wire := range map[string][]byte{
		"no header": {0, 0, 0, 0}, "header of 4 GB": {255, 255, 255, 255}, "no JSON": message("hello"),
		"negative blob": message(`{"id":1,"sizes":[-1]}`), "blob of 1 TB": message(`{"id":1,"sizes":[1099511627776]}`),
		"many blobs": message(`{"id":1,"sizes":[1,1,1,1,1,1,1,1,1]}`),
	} {
		if _, err := vision.ReadMessage(bytes.NewReader(wire)); !errors.Is(err, vision.ErrProtocol) {
			t.Errorf("%s: %v, want ErrProtocol", name, err)
		}
	}
	if _, err := vision.ReadMessage(bytes.NewReader(message(`{"id":1,"sizes":[9]}`, "short"))); err == nil {
		t.Error("a blob that is cut off was taken")
	}
}

func TestAFaultKeepsItsSentinel(t *testing.T) {
	for _, want := range []error{vision.ErrNoModel, vision.ErrNoFace, vision.ErrNotPicture, vision.ErrNoCamera, vision.ErrQuestion, vision.ErrFailed} {
		if got := vision.FaultOf(fmt.Errorf("portrait: %w", want)).Err(); !errors.Is(got, want) {
			t.Errorf("%v became %v", want, got)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add(message(`{"id":1,"kind":"ping"}`))
	f.Add(message(`{"id":1,"kind":"verify","sizes":[3,2]}`, "abc", "de"))
	f.Add(message(`{"id":1,"sizes":[25165824]}`, "x"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := vision.ReadMessage(bytes.NewReader(wire))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := vision.WriteMessage(&again, m); err != nil && !errors.Is(err, vision.ErrProtocol) {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
