package hub_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"tram/sync/seal"
	"tram/sync/wire"
	"tram/testdata"
)

// vectors is docs/contract/vectors/tram2.json: fixed keys, what was sealed and
// signed with them once, and what must come out.
type vectors struct {
	About     string          `json:"about"`
	Device    string          `json:"device"`
	HubKeys   json.RawMessage `json:"hubKeys"`   // private JWKS
	DeviceKey json.RawMessage `json:"deviceKey"` // private JWK of use sig
	DeviceBox json.RawMessage `json:"deviceBox"` // private JWK of use enc
	Sealed    []struct {
		Kind  string `json:"kind"` // records, reply, request
		Plain string `json:"plain"`
		Bytes []byte `json:"sealed"` // base64
	} `json:"sealed"`
	Batch   []byte `json:"batch"` // base64: the two sealed records of above as they travel
	FromHub []struct {
		Kind    string          `json:"kind"` // ack, command
		Message json.RawMessage `json:"message"`
		Wire    json.RawMessage `json:"wire"`
	} `json:"fromHub"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile(testdata.Project("docs/contract/vectors/tram2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// keep writes a key where the program reads keys from.
func keep(t *testing.T, path string, key []byte) string {
	t.Helper()
	if err := os.WriteFile(path, key, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheVectorsOfTheContractOpen holds the bytes that were sealed once against
// this program: a change that it does not open would cut off every device out there.
func TestTheVectorsOfTheContractOpen(t *testing.T) {
	v, dir := readVectors(t), t.TempDir()
	keep(t, filepath.Join(dir, seal.HubKeysFile), v.HubKeys)
	hubKeys, err := seal.LoadOrCreateHubKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	device, err := seal.LoadOrCreateDeviceKey(keep(t, filepath.Join(dir, "device.jwk"), v.DeviceKey))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.LoadOrCreateDeviceBox(keep(t, filepath.Join(dir, "box.jwk"), v.DeviceBox))
	if err != nil {
		t.Fatal(err)
	}
	opener := hubKeys.Opener(func(string, string) (*seal.PublicKey, error) { return device.Public(), nil })
	var records [][]byte
	for i, s := range v.Sealed {
		plain, err := opener.OpenAs(s.Kind, v.Device, s.Bytes)
		if err != nil || string(plain) != s.Plain {
			t.Errorf("sealed %s %d opens as %q, %v; want %q", s.Kind, i, plain, err, s.Plain)
		}
		if s.Kind != seal.Records {
			continue
		}
		records = append(records, s.Bytes)
		if _, err := wire.ParseEvents(plain); err != nil {
			t.Errorf("records %d: %v", i, err)
		}
	}
	batch, err := wire.ParseBatch(v.Batch)
	if err != nil || len(batch.Envelopes) != len(records) || len(records) != 2 {
		t.Fatalf("the batch holds %d envelopes of %d, %v", len(batch.Envelopes), len(records), err)
	}
	for i, e := range batch.Envelopes {
		if !bytes.Equal(e.Sealed, records[i]) {
			t.Errorf("envelope %d of the batch is another one", i)
		}
	}
	if !bytes.Equal(wire.Encode(batch), v.Batch) {
		t.Error("the batch is encoded in another way")
	}
	public, err := seal.ParseHubKeys(hubKeys.Public())
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range v.FromHub {
		message, signed, err := seal.OpenHubMessage(m.Kind, v.Device, m.Wire, public, box)
		if err != nil || !signed || !sameJSON(t, message, m.Message) {
			t.Errorf("the hub's %s %d opens as %s, %v, %v", m.Kind, i, message, signed, err)
		}
	}
}

// sameJSON reports whether got says what want does.
func sameJSON(t *testing.T, got, want []byte) bool {
	t.Helper()
	var g, w map[string]any
	if json.Unmarshal(got, &g) != nil || json.Unmarshal(want, &w) != nil {
		return false
	}
	a, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(a, b)
}
