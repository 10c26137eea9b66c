package register

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"

	"tram/drivers/privacy"
)

// wide is a text as Excel saves "Unicode text": UTF-16, little end first.
func wide(text string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestARosterIsReadAsSpreadsheetsSaveIt(t *testing.T) {
	want := Candidate{IDCode: "066099000017", PersonName: "Nguyễn Văn Thử", DateOfBirth: "15/08/1999", Number: "SBD01", Room: "P1"}
	const plain = "SBD,Họ và tên,Số CCCD,Ngày sinh,Phòng thi\nSBD01,Nguyễn Văn Thử,066099000017,15/08/1999,P1\n"
	semicolons := strings.ReplaceAll(plain, ",", ";")
	for name, text := range map[string]string{
		"plain":                              plain,
		"with a byte order mark, semicolons": "\xef\xbb\xbf" + strings.ReplaceAll(semicolons, "\n", "\r\n"),
		"tabs, UTF-16":                       wide(strings.ReplaceAll(plain, ",", "\t")),
		"Excel names the sign":               "sep=;\r\n" + semicolons,
		"letters and marks apart":            norm.NFD.String(plain),
		"a title above, empty lines":         "DANH SÁCH THÍ SINH,,,,\n,,,,\n" + plain + ",,,,\n,,,,\n",
		"the zero in front is gone":          strings.Replace(plain, "066099000017", "66099000017", 1),
		"a text kept with a sign before it":  strings.Replace(plain, "066099000017", "'066099000017", 1),
		"a text kept as a formula":           strings.Replace(plain, "066099000017", `"=""066099000017"""`, 1),
		"hard spaces":                        strings.Replace(plain, "Nguyễn Văn", "\u00a0Nguyễn\u00a0 Văn", 1),
		"a number in groups":                 strings.Replace(plain, "066099000017", "066 099 000 017", 1),
		"an ISO date":                        strings.Replace(plain, "15/08/1999", "1999-08-15 00:00:00", 1),
		"a short date":                       strings.Replace(plain, "15/08/1999", "15-8-1999", 1),
		"the same line twice":                plain + "SBD01,Nguyễn Văn Thử,066099000017,15/08/1999,P1\n",
		"a short last line":                  plain + "\n",
	} {
		list, err := ParseRoster([]byte(text))
		if err != nil || !slices.Equal(list, []Candidate{want}) {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
}

func TestARosterThatCannotBeRightIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "no line at the beginning",
		"room\nP1\n":                  "no line at the beginning",
		"cccd,cccd\n099099000017,2\n": "line 1 names column 2 a second time",
		"cccd,room\n,P1\n":            "line 2",
		"cccd,room\n099099000017,P1\n\n099099000017,P2\n":                "line 4 says of the person of line 2",
		"cccd,room\n099099000017,P1,P2\n":                                "line 2|more cells",
		"cccd;room\n9,9099E+10;P1\n":                                     "line 2|rounded",
		"cccd,room\n9.9099E+10,P1\n":                                     "line 2|rounded",
		"họ tên,ngày sinh\nNguyễn Văn Thử,8/15/1999\n":                   "line 2|a date",
		"cccd,room\n\"099099000017,P1\n":                                 "line 2 has a quote",
		"sep=;\ncccd;room\n0990990000#7;P1\n":                            "line 3",
		"cccd\n\xff\xff\n":                                               "CSV UTF-8",
		"cccd,room\n" + strings.Repeat("099099000017,P1\n", maxLines+20): "more than",
	} {
		_, err := ParseRoster([]byte(text))
		if !errors.Is(err, ErrBad) || strings.Contains(err.Error(), "0990") || strings.Contains(err.Error(), "Thử") {
			t.Errorf("%.40q: %v, want ErrBad without the content", text, err)
			continue
		}
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%.40q: %v, want %q", text, err, part)
			}
		}
	}
}

// TestARosterOfNamesAdmitsByNameAndBirthday: many lists have no numbers.
func TestARosterOfNamesAdmitsByNameAndBirthday(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName", "dateOfBirth"}, Retain: time.Hour, Room: "P1"})
	list, err := ParseRoster([]byte("SBD;Họ tên;Ngày sinh;Phòng\n1;" + norm.NFD.String(strings.ToUpper(anName)) + ";15/08/1999;p1\n2;" + anName + ";15/08/1999;P2\n3;Trần Thị Vắng;1999;P1\n4;Lê Văn Khác;02/03/1999;P2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ImportRoster(t.Context(), "clerk", list); err != nil {
		t.Fatal(err)
	}
	called := func(id, number, name, birth string) string {
		e := person(id, RosterOf, number, nil)
		e.Person = privacy.New(map[string]string{"personName": name, "dateOfBirth": birth})
		f := d.enter(t, e, 1)
		return codes(f) + " " + f.Fill["candidate"]
	}
	for _, c := range []struct{ id, number, name, birth, want string }{
		{"v1", "099099000017", anName, "15/08/1999", " 1"}, // and not the namesake of another room
		{"v2", "099099000017", anName, "15/08/1999", "twice_admitted 1"},
		{"v3", "099099000025", anName, "16/08/1999", "not_on_list "},
		{"v4", "099099000033", "Lê Văn Khác", "02/03/1999", "wrong_room 4"},
		{"v5", "099099000041", "Ai Đó", "1999", "not_on_list "},
	} {
		if got := called(c.id, c.number, c.name, c.birth); got != c.want {
			t.Errorf("%s: %q, want %q", c.id, got, c.want)
		}
	}
	present, absent, err := d.Roster(t.Context(), "clerk")
	if err != nil || len(present) != 1 || len(absent) != 3 || absent[1].Name != "Trần Thị Vắng" {
		t.Errorf("%d present, %d absent, %v", len(present), len(absent), err)
	}
}

// TestWhoDidNotBoardIsKnown: a coach's list has its absent, too.
func TestWhoDidNotBoardIsKnown(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName", "dateOfBirth"}, Retain: time.Hour})
	if _, err := d.OpenTrip(t.Context(), "clerk", Trip{Route: "BMT - SGN"}); err != nil {
		t.Fatal(err)
	}
	if err := d.ImportRoster(t.Context(), "clerk", []Candidate{{PersonName: anName, DateOfBirth: "1999"}, {PersonName: "Trần Thị Vắng"}, {IDCode: "099099000041"}}); err != nil {
		t.Fatal(err)
	}
	d.enter(t, person("v1", Trips, an, nil), 1)
	d.enter(t, person("v2", Trips, "099099000041", nil), 2)
	d.now = d.now.Add(12 * time.Hour) // past midnight, on the road
	present, absent, err := d.Roster(t.Context(), "clerk")
	if err != nil || len(present) != 2 || len(absent) != 1 || absent[0].Name != "Trần Thị Vắng" {
		t.Errorf("%d present, absent %+v, %v", len(present), absent, err)
	}
}

// TestAListIsSearchedByABirthdayThatIsNotKept: a roll call that keeps names only.
func TestAListIsSearchedByABirthdayThatIsNotKept(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName"}, Retain: time.Hour})
	if err := d.ImportRoster(t.Context(), "clerk", []Candidate{{PersonName: anName, DateOfBirth: "15/08/1999"}, {PersonName: "Trần Thị Vắng", DateOfBirth: "1980"}}); err != nil {
		t.Fatal(err)
	}
	if f := d.enter(t, person("v1", RosterOf, an, nil), 1); codes(f) != "" {
		t.Errorf("expected, and %s", codes(f))
	}
	present, absent, err := d.Roster(t.Context(), "clerk")
	if err != nil || len(present) != 1 || len(absent) != 1 || absent[0].Name != "Trần Thị Vắng" || present[0].Person["dateOfBirth"] != "" {
		t.Errorf("present %+v, absent %+v, %v", present, absent, err)
	}
}

func FuzzParseRoster(f *testing.F) {
	f.Add([]byte("Số báo danh,Họ và tên,Số CCCD,Phòng\nSBD01,Nguyễn Văn Thử,099099000017,P1\n"))
	f.Add([]byte("\xef\xbb\xbfcccd;phòng\n099099000017;\"P 1\"\n"))
	f.Add([]byte("id\tname\n\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseRoster(data)
		if err != nil && !errors.Is(err, ErrBad) {
			t.Errorf("error %v, want ErrBad", err)
		}
		for _, c := range list {
			if c.IDCode == "" && c.PersonName == "" {
				t.Error("a line without a person")
			}
		}
	})
}
