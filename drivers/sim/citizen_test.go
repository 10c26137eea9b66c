package sim

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const defaultMRZ = "IDVNM0990000176099099000017<<2" +
	"9901155M3901153VNM<<<<<<<<<<<8" +
	"NGUYEN<<VAN<THU<<<<<<<<<<<<<<<"

func TestDefaultCitizenHasTheCodesOfTheWrittenExample(t *testing.T) {
	c := DefaultCitizen()
	if err := c.Validate(); err != nil {
		t.Fatalf("Validate() = %v, want nil", err)
	}
	for _, x := range []struct{ what, got, want string }{
		{"QR2021", c.QR2021(), "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022"},
		{"QR2024", c.QR2024(), "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022||||"},
		{"MRZ", c.MRZ(), defaultMRZ},
		{"CAN", c.CAN(), "000017"},
		{"MRZ information", c.mrzInformation(), "099000017699011553901153"},
		{"DG1", hex.EncodeToString(c.DG1()), "615d5f1f5a" + hex.EncodeToString([]byte(defaultMRZ))},
	} {
		if x.got != x.want {
			t.Errorf("%s = %q, want %q", x.what, x.got, x.want)
		}
	}
	seed := sha1.Sum([]byte(c.mrzInformation()))
	if got, want := hex.EncodeToString(seed[:16]), "d7b3ad48e06d089cec5069eec3fcfadc"; got != want {
		t.Errorf("K_seed = %s, want %s", got, want)
	}
}

func TestDataGroup13IsTheWrittenExampleByteForByte(t *testing.T) {
	dg13 := DefaultCitizen().DG13()
	sum := sha256.Sum256(dg13)
	if got, want := hex.EncodeToString(sum[:]), "e93658b2f490f89cee7828d222304da63432213111bc6030645a58291a3cb25a"; got != want || len(dg13) != 383 {
		t.Errorf("DG13 has %d bytes with SHA-256 %s, want 383 bytes with %s", len(dg13), got, want)
	}
	nested := "302b02010d30260c114e677579e1bb856e2056c4836e204368610c115472e1baa76e205468e1bb8b204de1bab9"
	if got := hex.EncodeToString(DefaultCitizen().dg13(true)); !strings.Contains(got, nested) {
		t.Errorf("nested parents are not encoded as %s", nested)
	}
}

func TestDataGroup13KeepsFieldsWithoutAValue(t *testing.T) {
	c := DefaultCitizen()
	c.OldIDCode, c.FatherName, c.MotherName, c.WifeName, c.ChipID = "", "", "", "", ""
	got := hex.EncodeToString(c.DG13())
	for _, field := range []string{"300302010d", "300302010e", "300302010f", "3003020110"} {
		if !strings.Contains(got, field) {
			t.Errorf("DG13 lacks the valueless field %s", field)
		}
	}
	c.WifeName = "Lê Thị Mộng"
	if got := hex.EncodeToString(c.DG13()); !strings.Contains(got, "301702010e30120c10") {
		t.Errorf("DG13 does not hold the spouse as a sequence with one string")
	}
}

func TestNamesAreWrittenInTheLettersOfTheMRZ(t *testing.T) {
	for _, x := range []struct{ name, want string }{
		{"Đặng Thị Mẫu", "DANG<<THI<MAU<<<<<<<<<<<<<<<<<"},
		{"đỗ ưởng", "DO<<UONG<<<<<<<<<<<<<<<<<<<<<<"},
		{"Y", "Y<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"},
		{"H'Hen Niê", "HHEN<<NIE<<<<<<<<<<<<<<<<<<<<<"},
		{"Tôn Nữ-Mẫu", "TON<<NU<MAU<<<<<<<<<<<<<<<<<<<"},
		{"Nguyễn Phước Công Tằng Tôn Nữ Thử Mẫu", "NGUYEN<<PHUOC<CONG<TANG<TON<NU"},
		// The cut would fall on a filler: a letter before it makes room.
		{"Nguyen Phuoc Cong Tang Tonn Nu", "NGUYEN<<PHUOC<CONG<TANG<TONN<N"},
		{"Nguyen Phuoc Cong Tang Tonnu Nu", "NGUYEN<<PHUOC<CONG<TANG<TONN<N"},
		{"Abcdefghijklmnopqrstuvwxyzabcdef Thu", "ABCDEFGHIJKLMNOPQRSTUVWXYZA<<T"},
	} {
		if got := mrzName(x.name); got != x.want {
			t.Errorf("mrzName(%q) = %q, want %q", x.name, got, x.want)
		}
	}
}

func TestPartialBirthAndNoExpiryAreWritten(t *testing.T) {
	c := DefaultCitizen()
	c.DateOfBirth, c.ExpiryDate, c.Gender = "1999", Forever, "Nữ"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := c.MRZ()[30:45], "99<<<<0F9912315"; got != want {
		t.Errorf("line 2 begins %q, want %q", got, want)
	}
	if got := strings.Split(c.QR2021(), "|")[3]; got != "1999" {
		t.Errorf("QR birth = %q, want 1999", got)
	}
}

func TestNumbersThatCouldBelongToAPersonAreRefused(t *testing.T) {
	for _, id := range []string{"001099000017", "096299000017", "101099000017", "100099000017"} {
		c := DefaultCitizen()
		c.IDCode = id
		err := c.Validate()
		if !errors.Is(err, ErrRealNumber) {
			t.Errorf("Validate() with a real province = %v, want ErrRealNumber", err)
		}
		if err != nil && strings.Contains(err.Error(), id) {
			t.Errorf("the error repeats the number")
		}
		if _, err := NewCard(c, nil, nil); !errors.Is(err, ErrRealNumber) {
			t.Errorf("NewCard with a real province = %v, want ErrRealNumber", err)
		}
	}
}

func TestCitizenFileIsReadStrictly(t *testing.T) {
	dir := t.TempDir()
	load := func(text string) (Citizen, error) {
		path := filepath.Join(dir, "citizen.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadCitizen(path)
	}
	const good = `
idCode: "098301000023"
personName: Lê Thị Mẫu
dateOfBirth: 12/2001
gender: Nữ
residencePlace: Số 2 Đường Mẫu
issueDate: 01/08/2024
expiryDate: 12/11/2041
`
	c, err := load(good)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.QR2024(), "098301000023||Lê Thị Mẫu|122001|Nữ|Số 2 Đường Mẫu|01082024||||"; got != want {
		t.Errorf("QR2024 = %q, want %q", got, want)
	}
	if c.Nationality != "Việt Nam" {
		t.Errorf("nationality = %q, want the default", c.Nationality)
	}
	for _, x := range []struct{ what, text, want string }{
		{"unknown key", good + "height: 170\n", "citizen.yaml:9: field height is not a field here"},
		{"real number", strings.Replace(good, "098301", "001301", 1), "citizen.yaml:2: idCode: a simulated citizen's number begins with 097"},
		{"bad gender", strings.Replace(good, "gender: Nữ", "gender: X", 1), "citizen.yaml:5: gender: must be Nam or Nữ"},
		{"bad date", strings.Replace(good, "12/2001", "2001-12-01", 1), "citizen.yaml:4: dateOfBirth: must be dd/mm/yyyy"},
		{"missing name", strings.Replace(good, "personName: Lê Thị Mẫu\n", "", 1), "citizen.yaml:1: personName: must hold a name"},
		{"list", strings.Replace(good, "Lê Thị Mẫu", "[a, b]", 1), "citizen.yaml:3: not a value of that kind"},
		{"bar", strings.Replace(good, "Số 2", `"Số | 2"`, 1), "citizen.yaml:"},
		{"two documents", good + "---\n" + good, "more than one document"},
		{"empty", "", "holds no citizen"},
		{"no yaml", "\t{", "citizen.yaml: "},
	} {
		_, err := load(x.text)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want one with %q", x.what, err, x.want)
		}
	}
	_, err = load(strings.NewReplacer("Nữ", "X", "098301", "98301", "01/08/2024", "soon").Replace(good))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three mistakes gave %v, want three lines", err)
	}
}

func TestTheExampleFileIsACitizen(t *testing.T) {
	c, err := LoadCitizen(filepath.Join("testdata", "citizen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.MRZ()[60:], "LE<<THI<MAU<<<<<<<<<<<<<<<<<<<"; got != want || c.CAN() != "000023" {
		t.Errorf("name in the MRZ = %q, want %q; CAN %s", got, want, c.CAN())
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "citizen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.fields() {
		if !strings.Contains(string(raw), f.key+":") {
			t.Errorf("the example does not show %s", f.key)
		}
	}
}

func FuzzParseCitizen(f *testing.F) {
	f.Add([]byte("idCode: \"099099000017\"\npersonName: A B\ndateOfBirth: \"1999\"\ngender: Nam\nexpiryDate: 01/01/2030\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("- 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCitizen("f", raw)
		if err != nil {
			return
		}
		if m := c.MRZ(); len(m) != 90 {
			t.Errorf("MRZ of a valid citizen has %d characters, want 90", len(m))
		}
		if n := len(c.DG13()); n > 4096 {
			t.Errorf("DG13 of a valid citizen has %d bytes", n)
		}
	})
}
