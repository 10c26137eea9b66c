package emrtd

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What Chip Authentication showed is believed later by the device that saw it, over
// just the files that it saw.
func TestASavedOutcomeCountsForTheDeviceThatSealedIt(t *testing.T) {
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	files := Files{DG1: {0x61, 0}, DG14: {0x6E, 0}}
	proof := ChipProof{Protocol: "id-CA-ECDH-AES-CBC-CMAC-128", Result: OK, Why: "the chip proved the key in DG14", key: sha256.Sum256(files[DG14])}
	save := func(p ChipProof, key []byte) string {
		dir := filepath.Join(t.TempDir(), "saved")
		if err := SaveDocument(dir, &Document{Files: files, Proofs: Proofs{ChipAuthentication: p}}, key); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	judge := func(dir string, key []byte) Answer {
		doc, err := LoadDocument(dir, key)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := doc.Proofs.ChipAuthentication.judge(doc.Files)
		return answer
	}
	sealed := save(proof, key)
	for _, c := range []struct {
		name string
		dir  string
		key  []byte
		want Answer
	}{
		{"the same device", sealed, key, OK}, {"another device", sealed, other, NotDone}, {"a device without a key", sealed, nil, NotDone}, {"saved unsealed", save(proof, nil), key, NotDone},
		{"that it failed", save(ChipProof{Result: Failed, Why: "no"}, nil), nil, Failed},
	} {
		if got := judge(c.dir, c.key); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	if err := os.WriteFile(filepath.Join(sealed, "EF_0101"), []byte{0x61, 1, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := judge(sealed, key); got != NotDone {
		t.Errorf("another file beside it: got %s, want %s", got, NotDone)
	}
	forged := save(ChipProof{Result: NotDone, Why: "refused"}, key)
	note, err := os.ReadFile(filepath.Join(forged, proofsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(forged, proofsFile), bytes.Replace(note, []byte("not_done"), []byte("ok"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := judge(forged, key); got != NotDone {
		t.Errorf("a changed outcome: got %s, want %s", got, NotDone)
	}
}

func TestSavedFilesHaveManyNamesAndForms(t *testing.T) {
	dg1, sod := append([]byte{0x61, 0x81, 0x90}, make([]byte, 0x90)...), []byte{0x77, 0x02, 0x30, 0x00}
	for name, want := range map[string]FileID{
		"EF_0101": DG1, "EF_0101.bin": DG1, "0101.bin": DG1, "ef.dg1": DG1, "EF_DG1.BIN": DG1, "DG1.dat": DG1, "dg1": DG1, "dg01.bin": DG1, "Datagroup1.bin": DG1, "DataGroup_1": DG1, "DG 1.hex": DG1,
		"EF_0101_DG1.bin": DG1, "0x0101.bin": DG1, "EF.SOD": EFSOD, "SOD.bin": EFSOD, "ef_sod.der": EFSOD, "011D": EFSOD, "EF_COM": EFCOM, "com.bin": EFCOM, "CardAccess.bin": EFCardAccess, "EF.CardAccess": EFCardAccess, "dg16.txt": DG16, "010e.bin": DG14,
	} {
		if got, ok := fileByName(name); !ok || got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"proofs.json", "README", "DG17", "DG0", "0201", "dg1.jpg", "portrait.bin", "EF_0101_DG2.bin", ".bin", "", "CVCA.bin"} {
		if id, ok := fileByName(name); ok {
			t.Errorf("%s is taken for %v", name, id)
		}
	}
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("dg1.hex", []byte(strings.ToUpper(hex.EncodeToString(dg1))+"\n"))
	write("sod.b64", []byte(base64.StdEncoding.EncodeToString(sod)))
	write("SOD.bin", sod)
	files, err := LoadFiles(dir)
	if err != nil || !bytes.Equal(files[DG1], dg1) || !bytes.Equal(files[EFSOD], sod) {
		t.Fatalf("got %v, %v", files, err)
	}
	write("EF_0101", []byte{0x61, 0})
	if _, err := LoadFiles(dir); !errors.Is(err, ErrTwoFiles) {
		t.Errorf("two different DG1: %v", err)
	}
}
