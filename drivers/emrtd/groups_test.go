package emrtd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/tlv"
	"tram/testdata"
)

const (
	lineTD1 = "IDVNM0990000176099099000017<<29901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<THU<<<<<<<<<<<<<<<"
	// Doc 9303-4 appendix B and Doc 9303-6 appendix B.
	lineTD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
	lineTD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
	// Doc 9303-11 appendix D.2: a document number of more than nine characters, TD1 and TD2.
	lineLong  = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
	lineLong2 = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
)

func dg1(mrz string) []byte {
	return tlv.Encode(0x61, tlv.Encode(0x5F1F, []byte(strings.ReplaceAll(mrz, "\n", ""))))
}

func TestDG1OfAllThreeFormats(t *testing.T) {
	for _, c := range []struct{ mrz, want string }{
		{lineTD1, "TD1 ID VNM 099000017 099099000017<<2  VNM 990115 M 390115 NGUYEN/VAN THU"},
		{lineTD3, "TD3 P UTO L898902C3 ZE184226B  UTO 740812 F 120415 ERIKSSON/ANNA MARIA"},
		{lineTD2, "TD2 I UTO D23145890   UTO 740812 F 120415 ERIKSSON/ANNA MARIA"},
		{lineLong, "TD1 I UTO D23145890734   UTO 340712 M 950712 STEVENSON/PETER JOHN"},
		{lineLong2, "TD2 I UTO D23145890734   UTO 340712 M 950712 STEVENSON/PETER JOHN"},
	} {
		m, err := emrtd.ParseDG1(dg1(c.mrz))
		if err != nil {
			t.Errorf("%s: %v", c.want[:3], err)
			continue
		}
		got := fmt.Sprintf("%s %s %s %s %s %s %s %s %s %s %s/%s", m.Format, m.DocumentCode, m.Issuer, m.DocumentNumber.Reveal(), m.OptionalData1.Reveal(),
			m.OptionalData2.Reveal(), m.Nationality.Reveal(), m.Birth.Reveal(), m.Sex.Reveal(), m.Expiry.Reveal(), m.Surname.Reveal(), m.GivenNames.Reveal())
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if !m.Valid() {
			t.Errorf("%s: check digits %v", c.want[:3], m.CheckDigits)
		}
	}
}

func TestWrongCheckDigitsAreListedNotHidden(t *testing.T) {
	m, err := emrtd.ParseDG1(dg1(strings.Replace(lineTD1, "9901155M", "9901154M", 1)))
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for _, c := range m.CheckDigits {
		if !c.OK {
			wrong = append(wrong, c.Field)
		}
	}
	if got := strings.Join(wrong, ","); got != "birth,composite" {
		t.Errorf("got %q", got)
	}
}

func TestBrokenDG1IsRefused(t *testing.T) {
	for _, b := range [][]byte{nil, {0x61}, tlv.Encode(0x61), tlv.Encode(0x61, tlv.Encode(0x5F1F, []byte("I<UTO"))), dg1(strings.Repeat("é", 45)),
		{0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}} {
		if m, err := emrtd.ParseDG1(b); !errors.Is(err, emrtd.ErrDG1) {
			t.Errorf("%X: got %v, %v", b, m.Format, err)
		}
	}
}

func TestNothingOfThePersonIsPrinted(t *testing.T) {
	m, err := emrtd.ParseDG1(dg1(lineTD1))
	if err != nil {
		t.Fatal(err)
	}
	pw, err := emrtd.MRZLines(lineTD1)
	if err != nil {
		t.Fatal(err)
	}
	_, badErr := emrtd.MRZLines(strings.Replace(lineTD1, "9901155M", "9901154M", 1))
	files := emrtd.Files{emrtd.DG1: dg1(lineTD1)}
	asJSON, err := json.Marshal(map[string]any{"m": m, "f": files, "d": emrtd.Document{Files: files}})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %+v %#v %v %+v %#v %v %s %x %#v %v %s", m, m, m, pw, pw, pw, files, files, files, files, badErr, asJSON)
	for _, secret := range []string{"NGUYEN", "099000017", "990115", "4e475559454e", "TkdVWUVO"} {
		if strings.Contains(out, secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if got := files.String(); got != "files(DG1:95)" {
		t.Errorf("got %s", got)
	}
}

func TestPortraitsOfBothStandardsComeOutByteForByte(t *testing.T) {
	dir := testdata.Shared(t, "emrtd/gmrtd_dg2")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct{ file, picture, format string }{
		{"ISO19794_Test1_Data.bin", "ISO19794_Test1_Face.jpg", "jpeg"},
		{"ICAO_39794_5_AP_MandFields.dat", "ICAO_39794_5_AP_Face.jpg", "jp2"},
		{"ICAO_39794_5_AP_AllFields.dat", "ICAO_39794_5_AP_Face.jpg", "jp2"},
		{"ICAO_39794_5_AP_DG2_MandFields.dat", "ICAO_39794_5_AP_DG2_Face.jpg", "jp2"},
		{"ICAO_39794_5_AP_DG2_AllFields.dat", "ICAO_39794_5_AP_DG2_Face.jpg", "jp2"},
	} {
		for form, b := range map[string][]byte{"alone": read(c.file), "in a data group": tlv.Encode(0x75, tlv.Encode(0x7F61, []byte{2, 1, 1},
			tlv.Encode(0x7F60, tlv.Encode(0xA1), tlv.Encode(0x5F2E, read(c.file)))))} {
			if form == "in a data group" && !strings.HasPrefix(c.file, "ISO19794") {
				continue // of these there are whole data groups
			}
			p, err := emrtd.ParseDG2(b)
			if err != nil || p.Format != c.format || !bytes.Equal(p.Data.Reveal(), read(c.picture)) {
				t.Errorf("%s %s: got %d bytes of %q, %v", c.file, form, len(p.Data.Reveal()), p.Format, err)
			}
		}
	}
	for _, name := range []string{"ICAO_39794_5_AP_MandFields_InvalidImage.dat", "ISO19794_Test1_Face.jpg"} {
		if p, err := emrtd.ParseDG2(read(name)); !errors.Is(err, emrtd.ErrDG2) {
			t.Errorf("%s: got %q, %v", name, p.Format, err)
		}
	}
}

func TestFilesAreSavedAndLoadedUnderAllTheirNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "chip")
	want := emrtd.Files{emrtd.DG1: dg1(lineTD1), emrtd.EFSOD: {0x77, 0}, emrtd.EFCOM: {0x60, 0}, emrtd.DG16: {0x70, 0}, emrtd.EFCardAccess: {0x31, 0}}
	if err := emrtd.SaveFiles(dir, want); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "EF_0101")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("EF_0101: %v, %v", info, err)
	}
	got, err := emrtd.LoadFiles(dir)
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for id := range want {
		if !bytes.Equal(got[id], want[id]) {
			t.Errorf("%v: other bytes", id)
		}
	}
	other := t.TempDir()
	for _, name := range []string{"Datagroup13.bin", "EF_SOD.bin", "EF.COM", "dg2.bin", "EF_0103.bin", "notes.txt", "011A", "DG99"} {
		if err := os.WriteFile(filepath.Join(other, name), []byte{1}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err = emrtd.LoadFiles(other)
	if s := got.String(); err != nil || s != "files(DG2:1 DG3:1 DG13:1 SOD:1 COM:1)" {
		t.Errorf("got %s, %v", s, err)
	}
	if _, err := emrtd.LoadFiles(t.TempDir()); !errors.Is(err, emrtd.ErrNoFiles) {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestPasswordsThatAreNoneAreRefused(t *testing.T) {
	for _, s := range []string{"", "12345", "1234567", "12345a"} {
		if _, err := emrtd.CAN(s); !errors.Is(err, emrtd.ErrPassword) {
			t.Errorf("CAN %q: %v", s, err)
		}
	}
	if _, err := emrtd.MRZ("L898902C", "690806", "94062"); !errors.Is(err, emrtd.ErrPassword) {
		t.Errorf("short date: %v", err)
	}
	for _, s := range []string{lineTD1, lineTD2, lineTD3, lineLong, strings.ReplaceAll(lineTD3, "\n", `\n`), strings.ToLower(lineTD1)} {
		if _, err := emrtd.MRZLines(s); err != nil {
			t.Errorf("%d characters: %v", len(s), err)
		}
	}
}

func FuzzParseDG1(f *testing.F) {
	for _, s := range []string{lineTD1, lineTD2, lineTD3, lineLong} {
		f.Add(dg1(s))
	}
	f.Add([]byte{0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := emrtd.ParseDG1(b); err == nil && len(m.Lines.Reveal()) < 2 {
			t.Fatal("an MRZ without lines")
		}
	})
}

func FuzzParseDG2(f *testing.F) {
	face := append([]byte("FAC\x00010\x00"), make([]byte, 38)...)
	face = append(face, 0xFF, 0xD8, 0xFF, 0xE0)
	f.Add(face)
	f.Add(tlv.Encode(0x75, tlv.Encode(0x7F61, []byte{2, 1, 1}, tlv.Encode(0x7F60, tlv.Encode(0x5F2E, face)))))
	f.Add(tlv.Encode(0x75, tlv.Encode(0x7F61, tlv.Encode(0x7F2E, tlv.Encode(0xA1, tlv.Encode(0x65, tlv.Encode(0x80, []byte{0xFF, 0x4F, 0xFF, 0x51})))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := emrtd.ParseDG2(b); err == nil && (p.Format == "" || len(p.Data.Reveal()) > len(b)) {
			t.Fatal("a portrait that is none")
		}
	})
}
