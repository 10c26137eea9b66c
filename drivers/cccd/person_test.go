package cccd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tram/drivers/cccd"
	"tram/drivers/emrtd"
)

const zone = "IDVNM0990000176099099000017<<2" + "9901155M3901153VNM<<<<<<<<<<<8" + "NGUYEN<<VAN<THU<<<<<<<<<<<<<<<"

func parseZone(t *testing.T, text string) *emrtd.MRZInfo {
	t.Helper()
	m, err := emrtd.ParseMRZ(text)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// named returns the zone with another name line.
func named(t *testing.T, line string) *emrtd.MRZInfo {
	t.Helper()
	return parseZone(t, zone[:60]+line+strings.Repeat("<", 30-len(line)))
}

func qrOf(t *testing.T, text string) *cccd.QR {
	t.Helper()
	qr := parse(t, text)
	return &qr
}

func dg13Of(t *testing.T, fields ...[]byte) *cccd.DG13 {
	t.Helper()
	raw := unhex(t, vector)
	if fields != nil {
		raw = group(fields...)
	}
	g := parseDG13(t, raw)
	return &g
}

func TestTheZoneGivesNumberAndPerson(t *testing.T) {
	m := parseZone(t, zone)
	if id, ok := cccd.IDFromMRZ(*m); id != "099099000017" || !ok {
		t.Errorf("IDFromMRZ = %q, %v", id, ok)
	}
	got := cccd.FromMRZ(*m).Fields()
	for name, want := range map[string]string{
		"idCode": "099099000017", "documentNumber": "099000017", "personName": "NGUYEN VAN THU",
		"dateOfBirth": "15/01/1999", "expiryDate": "15/01/2039", "gender": "Nam", "nationality": "Việt Nam",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

func TestTheNumberGivesTheCenturyOfBirth(t *testing.T) {
	for id, want := range map[string]string{"099025000017": "15/01/1925", "099225000017": "15/01/2025"} {
		text := "IDVNM" + id[3:] + "0" + id + "<<0" + "2501150M3901153VNM<<<<<<<<<<<8" + zone[60:]
		if got := cccd.FromMRZ(*parseZone(t, text)).DateOfBirth.Reveal(); got != want {
			t.Errorf("born %q, want %q", got, want)
		}
	}
}

func TestAPassportIsAPersonToo(t *testing.T) {
	m := parseZone(t, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10")
	got := cccd.FromMRZ(*m).Fields()
	for name, want := range map[string]string{
		"idCode": "", "documentNumber": "L898902C3", "personName": "ERIKSSON ANNA MARIA", "nationality": "UTO",
		"dateOfBirth": "12/08/1974", "gender": "Nữ",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

func TestTheChipGoesBeforeTheCodeAndDG13BeforeTheZone(t *testing.T) {
	qr, mrz, g := qrOf(t, card2021), parseZone(t, zone), dg13Of(t)
	whole := cccd.Merge(qr, mrz, g).Fields()
	want := map[string]string{}
	for name, value := range wholePerson {
		want[name] = value
	}
	want["documentNumber"] = "099000017"
	if fmt.Sprint(whole) != fmt.Sprint(want) {
		t.Errorf("Merge of all = %v,\nwant %v", whole, want)
	}
	two := cccd.Merge(qr, mrz, nil).Fields()
	if two["personName"] != "Nguyễn Văn Thử" || two["expiryDate"] != "15/01/2039" || two["residencePlace"] == "" {
		t.Errorf("Merge of code and zone = %v", two)
	}
	if got := cccd.Merge(qrOf(t, strings.Replace(card2021, "Thử", "Khác", 1)), mrz, nil).PersonName.Reveal(); got != "NGUYEN VAN THU" {
		t.Errorf("a code that disagrees gives the name %q", got)
	}
	other := cccd.Merge(qrOf(t, strings.Replace(card2021, "099099000017", "099099000018", 1)), mrz, nil).Fields()
	if other["idCode"] != "099099000017" || other["residencePlace"] != "" {
		t.Errorf("the code of another card adds to the person: %v", other)
	}
	if got := cccd.Merge(nil, nil, nil).Fields(); len(got) != 18 || strings.Trim(fmt.Sprint(got["idCode"]), " ") != "" {
		t.Errorf("Merge of nothing has %d fields", len(got))
	}
}

func TestSourcesThatAgreeDoNotDiffer(t *testing.T) {
	for name, got := range map[string][]cccd.Mismatch{
		"all":              cccd.CrossCheck(qrOf(t, card2021), parseZone(t, zone), dg13Of(t)),
		"card of 2024":     cccd.CrossCheck(qrOf(t, strings.Replace(card2024, "02072024", "02032022", 1)), parseZone(t, zone), dg13Of(t)),
		"none":             cccd.CrossCheck(nil, nil, nil),
		"tone elsewhere":   cccd.CrossCheck(qrOf(t, strings.Replace(card2021, "Thử", "Hoà", 1)), nil, dg13Of(t, field(2, utf8String("Nguyễn Văn Hòa")))),
		"capitals":         cccd.CrossCheck(qrOf(t, strings.Replace(card2021, "Nguyễn Văn Thử", "NGUYỄN VĂN THỬ", 1)), parseZone(t, zone), dg13Of(t)),
		"year only":        cccd.CrossCheck(qrOf(t, strings.Replace(card2021, "15011999", "1999", 1)), parseZone(t, zone), dg13Of(t)),
		"no expiry":        cccd.CrossCheck(nil, parseZone(t, zone), dg13Of(t, field(12, utf8String("Không thời hạn")))),
		"apostrophe":       cccd.CrossCheck(nil, named(t, "HHEN<<NIE"), dg13Of(t, field(2, utf8String("H'Hen Niê")))),
		"đ":                cccd.CrossCheck(nil, named(t, "DANG<<THI<DO"), dg13Of(t, field(2, utf8String("Đặng Thị Đỏ")))),
		"cut at the end":   cccd.CrossCheck(nil, named(t, "NGUYEN<<THI<HOANG<PHUONG<THAO<"[:30]), dg13Of(t, field(2, utf8String("Nguyễn Thị Hoàng Phương Thảo")))),
		"cut in a word":    cccd.CrossCheck(nil, named(t, "NGUYENPHUC<<CONGTANGTONNU<HOAN"), dg13Of(t, field(2, utf8String("Nguyễnphúc Côngtằngtônnữ Hoàng Phương")))),
		"every word short": cccd.CrossCheck(nil, named(t, "NGUYENPHUC<<CONGTANG<HOANG<PHU"), dg13Of(t, field(2, utf8String("Nguyễnphúc Côngtằngtônnữ Hoàng Phương")))),
	} {
		if len(got) != 0 {
			t.Errorf("%s: differs %v", name, got)
		}
	}
}

func TestDifferencesAreNamedWithTheirSources(t *testing.T) {
	qr := func(old, new string) *cccd.QR { return qrOf(t, strings.Replace(card2021, old, new, 1)) }
	for _, c := range []struct {
		name string
		qr   *cccd.QR
		mrz  *emrtd.MRZInfo
		dg13 *cccd.DG13
		want []string
	}{
		{"name in the code", qr("Thử", "Khác"), parseZone(t, zone), dg13Of(t), []string{"personName between qr and dg13", "personName between qr and mrz"}},
		{"a diacritic in the code", qr("Thử", "Thư"), parseZone(t, zone), dg13Of(t), []string{"personName between qr and dg13"}},
		{"number in the code", qr("099099000017", "099099000018"), parseZone(t, zone), dg13Of(t),
			[]string{"idCode between qr and dg13", "idCode between qr and mrz", "documentNumber between qr and mrz"}},
		{"birth in DG13", nil, parseZone(t, zone), dg13Of(t, field(3, utf8String("16/01/1999"))), []string{"dateOfBirth between dg13 and mrz"}},
		{"expiry in DG13", nil, parseZone(t, zone), dg13Of(t, field(12, utf8String("15/01/2059"))), []string{"expiryDate between dg13 and mrz"}},
		{"sex", qr("|Nam|", "|Nữ|"), parseZone(t, zone), nil, []string{"gender between qr and mrz"}},
		{"issue", qr("02032022", "02032023"), nil, dg13Of(t), []string{"issueDate between qr and dg13"}},
		{"old number", qr("|000000017|", "|000000018|"), nil, dg13Of(t), []string{"oldIdCode between qr and dg13"}},
		{"nationality", nil, parseZone(t, zone), dg13Of(t, field(5, utf8String("Lào"))), []string{"nationality between dg13 and mrz"}},
		{"shorter name that was not cut", nil, named(t, "NGUYEN<<VAN"), dg13Of(t), []string{"personName between dg13 and mrz"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, m := range cccd.CrossCheck(c.qr, c.mrz, c.dg13) {
				got = append(got, m.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("CrossCheck = %q, want %q", got, c.want)
			}
		})
	}
}
