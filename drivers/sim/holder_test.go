package sim_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/sim"
)

func TestAPassportFromAFileIsRead(t *testing.T) {
	h, err := sim.LoadHolder("testdata/passport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h.PKI.CA.Key = "RSA-2048" // as good, and made faster
	pki, err := sim.NewPKIOf(h.PKISpec())
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewHolderCard(h, pki, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := emrtd.NewTrust(pki.CSCA())
	if err != nil {
		t.Fatal(err)
	}
	lines := h.MRZ()
	pw, err := emrtd.MRZLines(lines[:44] + "\n" + lines[44:])
	if err != nil {
		t.Fatal(err)
	}
	for what, pw := range map[string]emrtd.Password{"MRZ": pw, "CAN": canOf(t, "009850")} {
		doc := read(t, card, pw)
		v := emrtd.VerifyDocument(doc, store, time.Now())
		if got := proved(v); got != "ok ok chip-genuine" {
			t.Errorf("by %s: %s; %v", what, got, v.Detail)
		}
		for _, n := range []int{1, 2, 7, 11, 12, 14, 15, 16} {
			if len(doc.Files[emrtd.DG(n)]) == 0 {
				t.Errorf("by %s: DG%d is not there", what, n)
			}
		}
		card.Reset()
	}
	mrz, err := emrtd.ParseDG1(h.Document.DG1())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v", mrz); strings.Contains(got, "MAU") {
		t.Error("the MRZ prints what it holds")
	}
}

// Every example is a file that works as it says.
func TestTheOtherExamplesAreRead(t *testing.T) {
	for file, want := range map[string]string{
		"testdata/citizen.yaml":        "PACE ok ok chip-genuine",
		"testdata/residence-card.yaml": "BAC ok ok chip-genuine",
		"testdata/id-td2.yaml":         "PACE failed failed none",
	} {
		h, err := sim.LoadHolder(file)
		if err != nil {
			t.Error(err)
			continue
		}
		pki, err := sim.NewPKIOf(h.PKISpec())
		if err != nil {
			t.Fatal(err)
		}
		card, err := sim.NewHolderCard(h, pki, nil)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		zone := h.MRZ()
		for n := map[int]int{90: 30, 72: 36, 88: 44}[len(zone)]; len(zone) > 0; zone = zone[n:] {
			lines = append(lines, zone[:n])
		}
		pw, err := emrtd.MRZLines(strings.Join(lines, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		store, err := emrtd.NewTrust(pki.CSCA())
		if err != nil {
			t.Fatal(err)
		}
		doc := read(t, card, pw)
		v := emrtd.VerifyDocument(doc, store, time.Now())
		if got := doc.Access.Mechanism + " " + proved(v); got != want {
			t.Errorf("%s: %s, want %s; %v", file, got, want, v.Detail)
		}
	}
}

// FuzzParseHolder: whatever a file holds, it is refused or makes a holder that is
// valid.
func FuzzParseHolder(f *testing.F) {
	for _, file := range []string{"citizen", "passport", "residence-card", "id-td2"} {
		raw, err := os.ReadFile("testdata/" + file + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("faults: [\"slow=1,1\"]\ndocument: {}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := sim.ParseHolder("f.yaml", raw)
		if err != nil {
			return
		}
		if err := h.Validate(); err != nil {
			t.Errorf("a holder that was read is not valid: %v", err)
		}
		if n := len(h.MRZ()); n != 90 && n != 72 && n != 88 {
			t.Errorf("an MRZ of %d characters", n)
		}
	})
}

func TestDocumentsOfEveryFormatAreParsed(t *testing.T) {
	for what, d := range map[string]sim.Document{
		"TD1":             {Format: "TD1", State: "VNM", Number: "099000017", Surname: "Thử", GivenNames: "Anna", DateOfBirth: "1974", Sex: "X", DateOfExpiry: "15/04/2034", Optional2: "AB"},
		"TD1 long number": {Format: "TD1", State: "BEL", Number: "D23145890734", Surname: "Sample", GivenNames: "Anna", DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2034"},
		"TD2":             {Format: "TD2", State: "UTO", Number: "D23145890", Surname: "Sample", GivenNames: "Anna Maria", DateOfBirth: "08/1974", Sex: "F", DateOfExpiry: "15/04/2034", Optional: "ABC"},
		"TD3":             {Format: "TD3", State: "D", Number: "C01X0006H", Surname: "Sample-Long Surname", GivenNames: "Anna Maria Theodora Wilhelmina", DateOfBirth: "12/08/1974", Sex: "M", DateOfExpiry: "15/04/2034"},
	} {
		card, err := sim.NewHolderCard(sim.Holder{Document: &d}, mustPKI(t), nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		zone := d.MRZ()
		n := map[int]int{90: 30, 72: 36, 88: 44}[len(zone)]
		if n == 0 {
			t.Errorf("%s: an MRZ of %d characters", what, len(zone))
			continue
		}
		var lines []string
		for ; len(zone) > 0; zone = zone[n:] {
			lines = append(lines, zone[:n])
		}
		pw, err := emrtd.MRZLines(strings.Join(lines, "\n"))
		if err != nil {
			t.Errorf("%s: the reader does not take the MRZ %q: %v", what, lines, err)
			continue
		}
		doc := read(t, card, pw)
		if !bytes.Equal(doc.Files[emrtd.DG1], d.DG1()) {
			t.Errorf("%s: DG1 differs", what)
		}
	}
}

// The specimens printed in Doc 9303 parts 4, 5 and 6.
func TestTheSpecimensOfTheDocuments(t *testing.T) {
	for want, d := range map[string]sim.Document{
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10": {Format: "TD3", State: "UTO", Number: "L898902C3", Surname: "Eriksson", GivenNames: "Anna Maria",
			DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2012", Optional: "ZE184226B"},
		"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<D231458907UTO7408122F1204159<<<<<<<6": {Format: "TD2", State: "UTO", Number: "D23145890", Surname: "Eriksson", GivenNames: "Anna Maria",
			DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2012"},
		"I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<": {Format: "TD1", State: "UTO", Number: "D23145890", Surname: "Eriksson", GivenNames: "Anna Maria",
			DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2012"},
	} {
		if got := d.MRZ(); got != want {
			t.Errorf("MRZ:\n got %s\nwant %s", got, want)
		}
	}
}

func TestProblemsOfAFileAreNamedByLine(t *testing.T) {
	const good = "document:\n  format: TD3\n  state: UTO\n  number: X1\n  surname: Mẫu\n  dateOfBirth: 12/08/1974\n  sex: F\n  dateOfExpiry: 15/04/2034\n"
	if _, err := sim.ParseHolder("p.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for add, want := range map[string]string{
		"idCode: \"099099000017\"\n":                                                    "p.yaml:9: idCode: belongs to a Vietnamese ID card",
		"  optional: TOOLONGTOOLONGTOOLONG\n":                                           "p.yaml:9: document.optional: must be up to 14",
		"chip:\n  pace:\n    - {protocol: id-PACE-DH-GM-3DES-CBC-CBC, parameter: 13}\n": "p.yaml:11: chip.pace[0]: ",
		"chip:\n  colour: red\n":                                                        "p.yaml:10: field colour is not a field here",
		"faults: [cloned, nonsense]\n":                                                  "p.yaml:9: faults[1]: fault \"nonsense\": unknown",
		"pki:\n  signer: {key: P-257, hash: SHA-256}\n":                                 "p.yaml:10: pki.signer: ",
		"groups:\n  dg11:\n    personalNumber: \"001099000017\"\n":                      "p.yaml:11: groups.dg11.personalNumber: ",
	} {
		_, err := sim.ParseHolder("p.yaml", []byte(good+add))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", add, err, want)
		}
	}
}

func mustPKI(t testing.TB) *sim.PKI {
	t.Helper()
	p, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
