package sim

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tarm/serial"
)

func TestScannerTypesACodeOnASerialLine(t *testing.T) {
	s, err := NewScanner()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := DefaultCitizen().QR2021() + "\r" + DefaultCitizen().QR2024() + "\r"
	// The first code is typed before anyone listens.
	if err := s.Type(t.Context(), DefaultCitizen().QR2021()); err != nil {
		t.Fatal(err)
	}
	port, err := serial.OpenPort(&serial.Config{Name: s.Path(), Baud: 9600, ReadTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if err := s.Type(t.Context(), DefaultCitizen().QR2024()); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for deadline := time.Now().Add(10 * time.Second); len(got) < len(want) && time.Now().Before(deadline); {
		buf := make([]byte, 256)
		n, err := port.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) { // EOF is how the port tells a time-out
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != want {
		t.Errorf("the line gave %d bytes, want %d: the two codes, each with CR", len(got), len(want))
	}
}

func TestTypingEndsWithItsContext(t *testing.T) {
	s, err := NewScanner()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	// Nobody reads: the line takes some kilobytes and then no more.
	if err := s.Type(ctx, strings.Repeat("x", 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Type on a line that nobody reads = %v, want the context's error", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := s.Type(t.Context(), "x"); err == nil {
		t.Error("Type after Close = nil, want an error")
	}
}
