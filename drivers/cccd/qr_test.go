package cccd_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/unicode/norm"

	"tram/drivers/cccd"
	"tram/drivers/sim"
)

const (
	card2021 = "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022"
	card2024 = "099099000017||Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02072024||||"
)

func parse(t *testing.T, raw string) cccd.QR {
	t.Helper()
	qr, err := cccd.ParseQR([]byte(raw))
	if err != nil {
		t.Fatalf("ParseQR: %v", err)
	}
	return qr
}

// expect compares some of the revealed fields.
func expect(t *testing.T, got map[string]any, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if fmt.Sprint(got[name]) != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
}

func TestBothCardsAndVNeIDAreParsed(t *testing.T) {
	expect(t, parse(t, card2021).Fields(), map[string]string{
		"kind": "cccd-2021", "idCode": "099099000017", "oldIdCode": "000000017", "personName": "Nguyễn Văn Thử",
		"dateOfBirth": "15/01/1999", "dateOfBirthIso": "1999-01-15", "gender": "Nam", "issueDate": "02/03/2022",
		"residencePlace": "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu", "extra": "[]", "expiryEstimated": "15/01/2039",
		"warnings": "[" + cccd.WarnNumberPlace + "]",
	})
	newer := parse(t, card2024)
	expect(t, newer.Fields(), map[string]string{"kind": "cancuoc-2024", "oldIdCode": "", "issueDate": "02/07/2024"})
	if got := newer.Extra.Reveal(); len(got) != 4 {
		t.Errorf("%d extra fields, want 4", len(got))
	}
	c := sim.DefaultCitizen()
	if got := parse(t, c.QR2021()).Fields(); got["personName"] != c.PersonName || got["residencePlace"] != c.ResidencePlace {
		t.Error("the virtual citizen's code gives another person")
	}
}

func TestOddCodesAreTakenWithAWarning(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     map[string]string
		warning  string
	}{
		{"suffix", card2021 + "\r\n\t\x1d\x00", map[string]string{"issueDate": "02/03/2022"}, ""},
		{"byte order mark", "\uFEFF" + card2021, map[string]string{"idCode": "099099000017"}, ""},
		{"symbology identifier", "]Q1" + card2021, map[string]string{"idCode": "099099000017"}, ""},
		{"month of birth", strings.Replace(card2021, "15011999", "011999", 1), map[string]string{"dateOfBirth": "01/1999"}, ""},
		{"year of birth", strings.Replace(card2021, "15011999", "1999", 1), map[string]string{"dateOfBirth": "1999", "dateOfBirthIso": "1999"}, ""},
		{"zeros for day", strings.Replace(card2021, "15011999", "00011999", 1), map[string]string{"dateOfBirth": "01/1999"}, ""},
		{"zeros for both", strings.Replace(card2021, "15011999", "00001999", 1), map[string]string{"dateOfBirth": "1999"}, ""},
		{"no date of birth", strings.Replace(card2021, "15011999", "hôm qua", 1), map[string]string{"dateOfBirth": "hôm qua"}, cccd.WarnBirth},
		{"no date of issue", strings.TrimSuffix(card2021, "02032022"), map[string]string{"issueDate": ""}, cccd.WarnNoIssue},
		{"bad date of issue", strings.Replace(card2021, "02032022", "99992022", 1), map[string]string{"issueDate": "99992022"}, cccd.WarnIssue},
		{"artefacts", strings.Replace(card2021, "Số 1 Đường Mẫu, Phường Mẫu", "Số 1 , , -,  Phường   Mẫu", 1), map[string]string{"residencePlace": "Số 1, Phường Mẫu, Tỉnh Mẫu"}, ""},
		{"empty address", strings.Replace(card2021, "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu", ", ,", 1), map[string]string{"residencePlace": ""}, ""},
		{"old 12-digit number", strings.Replace(card2021, "000000017", "099099000018", 1), map[string]string{"oldIdCode": "099099000018"}, ""},
		{"odd old number", strings.Replace(card2021, "000000017", "17", 1), map[string]string{"oldIdCode": "17"}, cccd.WarnOldID},
		{"odd sex", strings.Replace(card2021, "|Nam|", "|?|", 1), map[string]string{"gender": "?"}, cccd.WarnGender},
		{"other sex", strings.Replace(card2021, "|Nam|", "|Nữ|", 1), map[string]string{"gender": "Nữ"}, cccd.WarnNumberSex},
		{"other year", strings.Replace(card2021, "15011999", "15011998", 1), map[string]string{"dateOfBirth": "15/01/1998"}, cccd.WarnNumberYear},
		{"eight fields", card2021 + "|", map[string]string{"kind": "cccd-2021"}, cccd.WarnFieldCount},
		{"ten fields", card2021 + "|||", map[string]string{"kind": "cancuoc-2024"}, ""},
		{"twelve fields", card2024 + "|x", map[string]string{"kind": "cancuoc-2024", "extra": "[    x]"}, ""},
		{"decomposed", norm.NFD.String(card2021), map[string]string{"personName": "Nguyễn Văn Thử", "gender": "Nam"}, ""},
		{"replacement characters", strings.Replace(card2021, "ễ", "\uFFFD", 1), map[string]string{"idCode": "099099000017"}, cccd.WarnEncoding},
	} {
		t.Run(c.name, func(t *testing.T) {
			qr := parse(t, c.in)
			expect(t, qr.Fields(), c.want)
			warnings := slices.DeleteFunc(slices.Clone(qr.Warnings), func(w string) bool { return w == cccd.WarnNumberPlace })
			if c.warning == "" && len(warnings) > 0 || c.warning != "" && !slices.Contains(warnings, c.warning) {
				t.Errorf("warnings %q, want %q", warnings, c.warning)
			}
		})
	}
}

func TestWhatIsNoIDCodeIsRefusedOrOpaque(t *testing.T) {
	for _, in := range []string{"", "\r\n", "099099000017|", "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Tỉnh Mẫu"} {
		if _, err := cccd.ParseQR([]byte(in)); !errors.Is(err, cccd.ErrNotIDCode) {
			t.Errorf("ParseQR of %d bytes = %v, want ErrNotIDCode", len(in), err)
		}
	}
	if _, err := cccd.ParseQR(make([]byte, cccd.MaxQR+1)); !errors.Is(err, cccd.ErrTooLong) {
		t.Errorf("ParseQR of a long code = %v, want ErrTooLong", err)
	}
	for _, in := range []string{"https://example.vn/?x=1", "09909900001|x|y|z|a|b|c", "a|b|c|d|e|f|g|h|i|j|k", "\x00\xff\xfe", "IDVNM"} {
		qr := parse(t, in)
		if qr.Kind != cccd.KindOpaque || qr.IsID() {
			t.Errorf("ParseQR(%q) = kind %q, want opaque", in, qr.Kind)
		}
		if got := qr.Fields()["kind"]; got != "opaque" {
			t.Errorf("Fields()[kind] = %v, want opaque", got)
		}
	}
}

func TestAScannedMRZIsOne(t *testing.T) {
	qr := parse(t, "IDVNM0990000176099099000017<<2\r9901155M3901153VNM<<<<<<<<<<<8\rNGUYEN<<VAN<THU<<<<<<<<<<<<<<<\r")
	expect(t, qr.Fields(), map[string]string{
		"kind": "mrz", "idCode": "099099000017", "documentNumber": "099000017", "personName": "NGUYEN VAN THU",
		"dateOfBirth": "15/01/1999", "gender": "Nam", "nationality": "Việt Nam", "expiryDate": "15/01/2039",
	})
}

// misread returns the code as a reader shows it that takes UTF-8 for something else.
func misread(t *testing.T, text string, as encoding.Encoding) string {
	t.Helper()
	if as == charmap.Windows1252 { // decoders show its undefined bytes as control codes
		var b strings.Builder
		for _, c := range []byte(text) {
			if r := charmap.Windows1252.DecodeByte(c); r != '\uFFFD' {
				b.WriteRune(r)
			} else {
				b.WriteRune(rune(c))
			}
		}
		return b.String()
	}
	got, err := as.NewDecoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestWrongEncodingsAreUndone(t *testing.T) {
	for _, c := range []struct {
		name string
		as   encoding.Encoding
		text string
	}{
		{"Windows-1252", charmap.Windows1252, card2021},
		{"ISO-8859-1", charmap.ISO8859_1, card2021},
		{"Windows-1252 of a capital O with accent", charmap.Windows1252, "099099000017||LÓ|15011999|Nam||02032022"},
		// Only texts whose bytes happen to be right there are ever misread as these.
		{"Big5", traditionalchinese.Big5, big5Luck(t)},
		{"Shift-JIS", japanese.ShiftJIS, shiftJISLuck(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong := misread(t, c.text, c.as)
			if wrong == c.text {
				t.Fatal("the text was not misread")
			}
			qr, want := parse(t, wrong+"\r"), parse(t, c.text)
			if fmt.Sprint(qr.Person.Fields()) != fmt.Sprint(want.Person.Fields()) {
				t.Errorf("repaired by %q to another person", qr.Repaired)
			}
			if qr.Repaired == "" || !slices.Contains(qr.Warnings, cccd.WarnRepaired) {
				t.Errorf("Repaired = %q, warnings %q; want them to say so", qr.Repaired, qr.Warnings)
			}
		})
	}
}

func TestTwiceWrongIsUndoneToo(t *testing.T) {
	wrong := misread(t, misread(t, card2021, charmap.ISO8859_1), charmap.ISO8859_1)
	if got := parse(t, wrong).Fields()["personName"]; got != "Nguyễn Văn Thử" {
		t.Error("a code that was misread twice is not repaired")
	}
}

func TestVietnameseWindowsTextIsRead(t *testing.T) {
	raw, err := charmap.Windows1258.NewEncoder().Bytes([]byte(windows1258(card2021)))
	if err != nil {
		t.Fatal(err)
	}
	qr, err := cccd.ParseQR(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := qr.Fields()["personName"]; got != "Nguyễn Văn Thử" || qr.Repaired != "Windows-1258" {
		t.Errorf("personName = %q, repaired by %q", got, qr.Repaired)
	}
}

// windows1258 writes tones apart, as that code page does.
func windows1258(s string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if _, ok := charmap.Windows1258.EncodeRune(r); ok {
			b.WriteRune(r)
			continue
		}
		d := []rune(norm.NFD.String(string(r)))
		tone := slices.IndexFunc(d, func(r rune) bool { return strings.ContainsRune("\u0300\u0301\u0303\u0309\u0323", r) })
		b.WriteString(norm.NFC.String(string(slices.Delete(slices.Clone(d), tone, tone+1))) + string(d[tone]))
	}
	return b.String()
}

// big5Luck and shiftJISLuck find a name that goes through the encoding unharmed.
func big5Luck(t *testing.T) string     { return luck(t, traditionalchinese.Big5) }
func shiftJISLuck(t *testing.T) string { return luck(t, japanese.ShiftJIS) }

func luck(t *testing.T, enc encoding.Encoding) string {
	t.Helper()
	words := strings.Fields("Nguyễn Văn Thử Trần Thị Mẹ Hồng Đức Bảo Ngọc Ánh Dương Hoà Phước Lệ Thủy Quỳnh Hưởng Đặng Bùi Đỗ Hồ Ngô Lý")
	for _, a := range words {
		for _, b := range words {
			text := "099099000017||" + a + " " + b + "|15011999|Nam||02032022"
			wrong, err := enc.NewDecoder().String(text)
			if err != nil || strings.ContainsRune(wrong, '\uFFFD') || wrong == text {
				continue
			}
			if back, err := enc.NewEncoder().String(wrong); err == nil && back == text {
				return text
			}
		}
	}
	t.Skip("no name goes through this encoding unharmed")
	return ""
}

func TestInsuranceCardIsParsed(t *testing.T) {
	name, address := hex.EncodeToString([]byte("Nguyễn Văn Thử")), hex.EncodeToString([]byte("Tỉnh Mẫu"))
	code := "0990000017|" + name + "|15/01/1999|1|" + address + "|97 - 001|01/01/2026|-|02/01/2026|9700001|-|K1|01/01/2030|abcdef$"
	qr := parse(t, code+"\r\n")
	expect(t, qr.Fields(), map[string]string{
		"kind": "bhyt", "cardNumber": "0990000017", "personName": "Nguyễn Văn Thử", "dateOfBirth": "15/01/1999", "gender": "Nam",
		"residencePlace": "Tỉnh Mẫu", "facility": "97001", "validFrom": "01/01/2026", "validTo": "", "issueDate": "02/01/2026",
		"agency": "9700001", "parentName": "", "livingArea": "K1", "fiveYearsFrom": "01/01/2030",
	})
	if qr.IsID() {
		t.Error("an insurance card counts as an ID card")
	}
	plain := parse(t, strings.Replace(code, name, "Thử", 1))
	if !slices.Contains(plain.Warnings, cccd.WarnInsuranceHex) {
		t.Errorf("a name that is not hexadecimal warns %q", plain.Warnings)
	}
}

func TestACodeNeverPrintsThePerson(t *testing.T) {
	for _, in := range []string{card2021, card2024 + "|Nguyễn Văn Thử"} {
		qr := parse(t, in)
		j, err := json.Marshal(struct{ QR cccd.QR }{qr})
		if err != nil {
			t.Fatal(err)
		}
		printed := fmt.Sprintf("%v %+v %#v %s %q", qr, qr, qr, j, qr.Warnings)
		for _, secret := range []string{"099099", "Thử", "1999", "Mẫu", "000000017"} {
			if strings.Contains(printed, secret) {
				t.Errorf("a printed code shows %q", secret)
			}
		}
	}
}

func FuzzParseQR(f *testing.F) {
	for _, seed := range []string{card2021, card2024, "", "x", "099099000017|", "]Q1\uFEFF|$", strings.Repeat("|", 20) + "$",
		"IDVNM0990000176099099000017<<29901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<THU<<<<<<<<<<<<<<<",
		"099099000017||NguyÃªn|1999|N\u0323|\u00a5|0", "099099000017\xff||||||", "1|zz|3|1|5|6|7|8|9|10|11|12|13|14|15$"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		qr, err := cccd.ParseQR(raw)
		if err != nil {
			return
		}
		if qr.Kind == "" || qr.Fields()["kind"] == "" {
			t.Error("a code without a kind and without an error")
		}
		if _, err := json.Marshal(qr.Fields()); err != nil {
			t.Errorf("Fields cannot be written as JSON: %v", err)
		}
		_ = cccd.Merge(&qr, nil, nil)
		if got := cccd.CrossCheck(&qr, nil, nil); len(got) != 0 {
			t.Errorf("one source alone differs: %v", got)
		}
		if again, err := cccd.ParseQR([]byte(qr.Text.Reveal())); err != nil || again.Kind != qr.Kind {
			t.Errorf("parsing the repaired text again gives %q, %v; want %q", again.Kind, err, qr.Kind)
		}
	})
}
