package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden are one message of each kind, as testdata has them: other
// implementations and the schemas in docs/contract are held against the files.
func golden() map[string][]byte {
	at := time.Date(2026, 9, 21, 7, 13, 0, 0, time.UTC)
	hash := Hash{0x9b, 0x4f, 31: 0xff}
	header := bytes.Repeat([]byte{0x5a}, 150)
	return map[string][]byte{
		"batch.cbor": Encode(Batch{Envelopes: []Envelope{
			{First: 4709, Last: 4711, Sealed: append(bytes.Clone(header), "one"...)}, {First: 4712, Last: 4712, Sealed: append(bytes.Clone(header), "two"...)},
		}}),
		"ack.json":      Encode(Ack{Highwater: 4711, Missing: []Range{{4690, 4695}}, Hash: hash, Hub: "9F3C2A7B5D1E4F60"}),
		"refusal.json":  Encode(Ack{Highwater: 1, Hash: hash, Rejected: []Rejected{{First: 2, Last: 2, Reason: "unknown-device"}}}),
		"state.json":    Encode(State{State: "up", Hub: "ZK3TQ2WD5E6V7X4Y", Instance: "9F3C2A7B5D1E4F60", Time: at}),
		"status.json":   Encode(Status{State: "online", Instance: "7H2KQ4M6R8T3W5Y9", Last: 4711, Pending: 12, Commands: "c-17", Version: "1.0", Format: "tram2", HubKey: "k", Oldest: at, Time: at}),
		"offline.json":  Encode(Status{State: "offline", Instance: "7H2KQ4M6R8T3W5Y9", Plain: true, Time: at}),
		"command.json":  Encode(Command{ID: "c-17", Name: "resend", Issued: at, Data: json.RawMessage(`{"ranges":[[4690,4695]]}`)}),
		"reply.json":    Encode(Reply{ID: "c-17", OK: true, Text: "done"}),
		"request.json":  Encode(Request{ID: "Q7", Name: "catalogue", Data: json.RawMessage(`{}`)}),
		"response.json": Encode(Response{ID: "Q7", OK: true, Data: json.RawMessage(`{"services":[]}`)}),
		"sealed.json":   Encode(Sealed{Sealed: []byte("sealed")}),
		"events.json": must(MarshalEvents([]Event{{
			SpecVersion: "1.0", ID: "3f1c9a5e0b7d42c8a611", Source: Source("desk-1"), Type: "vn.tram.gate.counted.v1", Time: at, DataContentType: "application/json",
			Sequence: 4711, PrevHash: hash, RecordedTime: at, BootID: "6f9d2c1e-7b1a-4f0e-9a57-2f6c0d3e8b11", Monotonic: 86400123456789, Data: json.RawMessage(`{"in":3,"out":1}`),
		}})),
		"checkpoint.json": must(json.Marshal(Checkpoint{Last: 4711, Hash: hash, Records: 4700, Discarded: 11})),
		"clock.json":      must(json.Marshal(ClockOffset{BootID: "6f9d2c1e-7b1a-4f0e-9a57-2f6c0d3e8b11", Before: 86400123456789, Offset: 1_800_000_000_000_000_000, Reason: ReasonSynced})),
		"discarded.json":  must(json.Marshal(Discarded{Ranges: []Range{{4712, 14000}}, Reason: ReasonDamaged})),
	}
}

func TestMessagesAreWrittenAsTheContractHasThem(t *testing.T) {
	for name, got := range golden() {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: written as %q, want %q", name, got, want)
		}
	}
}

func TestGoldenMessagesParse(t *testing.T) {
	parse := map[string]func([]byte) error{
		"batch.cbor": discard(ParseBatch), "ack.json": discard(ParseAck), "refusal.json": discard(ParseAck), "state.json": discard(ParseState),
		"status.json": discard(ParseStatus), "offline.json": discard(ParseStatus), "command.json": discard(ParseCommand), "reply.json": discard(ParseReply),
		"request.json": discard(ParseRequest), "response.json": discard(ParseResponse), "sealed.json": discard(ParseSealed), "events.json": discard(ParseEvents),
		"checkpoint.json": discard(ParseCheckpoint), "clock.json": discard(ParseClockOffset), "discarded.json": discard(ParseDiscarded),
	}
	for name, b := range golden() {
		if err := parse[name](b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func discard[M any](parse func([]byte) (M, error)) func([]byte) error {
	return func(b []byte) error { _, err := parse(b); return err }
}

func TestABatchSendsASharedHeaderOnceAndUnpacksToWhatWasSealed(t *testing.T) {
	header := bytes.Repeat([]byte{7}, 400)
	var b Batch
	for i := range uint64(100) {
		b.Envelopes = append(b.Envelopes, Envelope{First: i + 1, Last: i + 1, Sealed: append(bytes.Clone(header), byte(i), 1, 2)})
	}
	packed := Encode(b)
	if len(packed) > 400+100*16 {
		t.Errorf("%d bytes for 100 envelopes that share 400", len(packed))
	}
	got, err := ParseBatch(packed)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got.Envelopes {
		if want := b.Envelopes[i]; e.First != want.First || e.Last != want.Last || !bytes.Equal(e.Sealed, want.Sealed) {
			t.Fatalf("envelope %d is %d to %d with %d bytes", i, e.First, e.Last, len(e.Sealed))
		}
	}
}
