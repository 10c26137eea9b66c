package cccd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"tram/drivers/cccd"
	"tram/drivers/emrtd/tlv"
	"tram/drivers/sim"
)

// vector is a data group 13 that was computed by hand from the layout of real
// cards: parents side by side, 383 bytes.
const vector = `
6D82017B30820177020101060628D316010008318201683011020101130C3039393039393030303031373018020102
0C134E677579E1BB856E2056C4836E205468E1BBAD300F020103130A31352F30312F3139393930080201040C034E61
6D300F0201050C0A5669E1BB8774204E616D30090201060C044B696E68300B0201070C064B68C3B46E67302B020108
0C2658C3A3204DE1BAAB752C20487579E1BB876E204DE1BAAB752C2054E1BB896E68204DE1BAAB75303A0201090C35
53E1BB91203120C490C6B0E1BB9D6E67204DE1BAAB752C205068C6B0E1BB9D6E67204DE1BAAB752C2054E1BB896E68
204DE1BAAB75300F02010A0C0A4B68C3B46E672063C3B3300F02010B130A30322F30332F32303232300F02010C0C0A
31352F30312F32303339302D02010D30130C114E677579E1BB856E2056C4836E2043686130130C115472E1BAA76E20
5468E1BB8B204DE1BAB9300302010E300E02010F1309303030303030303137301502011013103031323334353637383
9414243444546`

const nestedParents = "302B02010D30260C114E677579E1BB856E2056C4836E204368610C115472E1BAA76E205468E1BB8B204DE1BAB9"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// group builds a data group 13 from its fields.
func group(fields ...[]byte) []byte {
	return tlv.Encode(0x6D, tlv.Encode(0x30,
		[]byte{2, 1, 1}, unhexed("060628D316010008"), tlv.Encode(0x31, bytes.Join(fields, nil))))
}

func unhexed(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func field(number byte, values ...[]byte) []byte {
	return tlv.Encode(0x30, append([][]byte{{2, 1, number}}, values...)...)
}

func utf8String(s string) []byte { return tlv.Encode(0x0C, []byte(s)) }

func parseDG13(t *testing.T, raw []byte) cccd.DG13 {
	t.Helper()
	g, err := cccd.ParseDG13(raw)
	if err != nil {
		t.Fatalf("ParseDG13: %v", err)
	}
	return g
}

var wholePerson = map[string]string{
	"idCode": "099099000017", "oldIdCode": "000000017", "personName": "Nguyễn Văn Thử", "dateOfBirth": "15/01/1999",
	"gender": "Nam", "nationality": "Việt Nam", "race": "Kinh", "religion": "Không",
	"originPlace": "Xã Mẫu, Huyện Mẫu, Tỉnh Mẫu", "residencePlace": "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu",
	"personalIdentification": "Không có", "issueDate": "02/03/2022", "expiryDate": "15/01/2039",
	"fatherName": "Nguyễn Văn Cha", "motherName": "Trần Thị Mẹ", "wifeName": "", "chipId": "0123456789ABCDEF",
	"documentNumber": "",
}

func TestEveryFieldOfTheVectorIsRead(t *testing.T) {
	raw := unhex(t, vector)
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != "e93658b2f490f89cee7828d222304da63432213111bc6030645a58291a3cb25a" {
		t.Fatal("the vector was mistyped")
	}
	g := parseDG13(t, raw)
	if got := g.Person.Fields(); fmt.Sprint(got) != fmt.Sprint(wholePerson) {
		t.Errorf("fields = %v,\nwant %v", got, wholePerson)
	}
	if g.Version != 1 || g.OID != "28D316010008" || g.Degraded || g.Unknown || len(g.Warnings) != 0 {
		t.Errorf("version %d, OID %s, degraded %v, unknown %v, warnings %q", g.Version, g.OID, g.Degraded, g.Unknown, g.Warnings)
	}
	if !bytes.Equal(sim.DefaultCitizen().DG13(), raw) {
		t.Error("the virtual citizen's data group is not the vector")
	}
}

func TestBothShapesOfParentsAreRead(t *testing.T) {
	nested := group(unhex(t, nestedParents))
	siblings := group(field(13, tlv.Encode(0x30, utf8String("Nguyễn Văn Cha")), tlv.Encode(0x30, utf8String("Trần Thị Mẹ"))))
	for name, raw := range map[string][]byte{"nested": nested, "siblings": siblings} {
		f := parseDG13(t, raw).Person.Fields()
		if f["fatherName"] != "Nguyễn Văn Cha" || f["motherName"] != "Trần Thị Mẹ" {
			t.Errorf("%s: father %q, mother %q", name, f["fatherName"], f["motherName"])
		}
	}
	one := parseDG13(t, group(field(13, tlv.Encode(0x30, utf8String("Trần Thị Mẹ")))))
	if f := one.Person.Fields(); f["fatherName"] != "" || f["motherName"] != "" || len(one.Parents.Reveal()) != 1 {
		t.Errorf("a single parent was guessed: father %q, mother %q", f["fatherName"], f["motherName"])
	}
	if !slices.Contains(one.Warnings, cccd.WarnDG13Parents) {
		t.Errorf("a single parent warns %q", one.Warnings)
	}
	mother := parseDG13(t, group(field(13, tlv.Encode(0x30), tlv.Encode(0x30, utf8String("Trần Thị Mẹ")))))
	if f := mother.Person.Fields(); f["fatherName"] != "" || f["motherName"] != "Trần Thị Mẹ" {
		t.Errorf("with an empty father: father %q, mother %q", f["fatherName"], f["motherName"])
	}
}

func bmp(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return tlv.Encode(0x1E, b)
}

func TestOddFieldsAreReadOrKept(t *testing.T) {
	long := strings.Repeat("Đường Mẫu ", 40)
	for _, c := range []struct {
		name, field, want, warning string
		raw                        []byte
	}{
		{"no fields but one", "idCode", "099099000017", "", group(field(1, tlv.Encode(0x13, []byte("099099000017"))))},
		{"valueless", "wifeName", "", "", group(field(14), field(15))},
		{"empty string", "religion", "", "", group(field(7, utf8String("")))},
		{"long length", "residencePlace", strings.TrimSpace(long), "", group(field(9, utf8String(long)))},
		{"decomposed", "gender", "Nữ", "", group(field(4, utf8String("Nu\u031B\u0303")))},
		{"spaces", "personName", "Nguyễn Văn Thử", "", group(field(2, utf8String("  Nguyễn  Văn Thử ")))},
		{"BMPString", "personName", "Nguyễn Văn Thử", "", group(field(2, bmp("Nguyễn Văn Thử")))},
		{"spouse in a sequence", "wifeName", "Lê Thị Thử", "", group(field(14, tlv.Encode(0x30, utf8String("Lê Thị Thử"))))},
		{"spouse as it is", "wifeName", "Lê Thị Thử", "", group(field(14, utf8String("Lê Thị Thử")))},
		{"month of birth", "dateOfBirth", "01/1999", "", group(field(3, tlv.Encode(0x13, []byte("01/1999"))))},
		{"year of birth", "dateOfBirth", "1999", "", group(field(3, tlv.Encode(0x13, []byte("1999"))))},
		{"compact date", "dateOfBirth", "15/01/1999", "", group(field(3, tlv.Encode(0x13, []byte("15011999"))))},
		{"no expiry", "expiryDate", "Không thời hạn", "", group(field(12, utf8String("KHÔNG THỜI HẠN")))},
		{"no date", "issueDate", "hôm qua", cccd.WarnDG13Date, group(field(11, utf8String("hôm qua")))},
		{"dash for a date", "issueDate", "", "", group(field(11, utf8String("-")))},
		{"twice", "gender", "Nam", cccd.WarnDG13Duplicate, group(field(4, utf8String("Nam")), field(4, utf8String("Nữ")))},
		{"octets", "chipId", "", cccd.WarnDG13Type, group(field(16, []byte{4, 2, 0xAB, 0xCD}))},
		{"bad UTF-8", "race", "Kin\uFFFD", cccd.WarnDG13Text, group(field(6, []byte{0x0C, 4, 'K', 'i', 'n', 0xE1}))},
		{"padding", "gender", "Nam", "", append(group(field(4, utf8String("Nam"))), 0, 0, 0xFF)},
		{"trailing bytes", "gender", "Nam", cccd.WarnDG13Trailing, append(group(field(4, utf8String("Nam"))), 1, 2)},
		{"other character set", "gender", "Nam", cccd.WarnDG13OID, tlv.Encode(0x6D, tlv.Encode(0x30, []byte{2, 1, 1, 6, 1, 9}, tlv.Encode(0x31, field(4, utf8String("Nam")))))},
		{"version 2", "gender", "Nam", cccd.WarnDG13Version, tlv.Encode(0x6D, tlv.Encode(0x30, []byte{2, 1, 2}, tlv.Encode(0x31, field(4, utf8String("Nam")))))},
		{"sequence for the set", "gender", "Nam", "", tlv.Encode(0x6D, tlv.Encode(0x30, unhexed("020101060628D316010008"), tlv.Encode(0x30, field(4, utf8String("Nam")))))},
		{"fields without a set", "gender", "Nam", "", tlv.Encode(0x6D, tlv.Encode(0x30, unhexed("020101060628D316010008"), field(4, utf8String("Nam"))))},
		{"bare fields", "gender", "Nam", "", tlv.Encode(0x6D, field(1, utf8String("099099000017")), field(4, utf8String("Nam")))},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := parseDG13(t, c.raw)
			if got := g.Person.Fields()[c.field]; got != c.want {
				t.Errorf("%s = %q, want %q", c.field, got, c.want)
			}
			if c.warning == "" && len(g.Warnings) != 0 || c.warning != "" && !slices.Contains(g.Warnings, c.warning) {
				t.Errorf("warnings %q, want %q", g.Warnings, c.warning)
			}
			if g.Degraded || g.Unknown {
				t.Errorf("degraded %v, unknown %v", g.Degraded, g.Unknown)
			}
		})
	}
}

func TestFieldsBeyondTheKnownOnesAreKept(t *testing.T) {
	g := parseDG13(t, group(field(17, utf8String("A"), utf8String("B")), field(16, []byte{4, 1, 0xAB})))
	if got := g.Extra.Reveal(); !slices.Equal(got[17], []string{"A", "B"}) || !slices.Equal(got[16], []string{"0401ab"}) {
		t.Errorf("extra = %v", got)
	}
}

func TestADamagedGroupIsSearched(t *testing.T) {
	whole := unhex(t, vector)
	for name, raw := range map[string][]byte{
		"cut off":      whole[:200],
		"length wrong": append([]byte{0x6D, 0x82, 0x01, 0x7B, 0x30, 0x82, 0x7F, 0xFF}, whole[8:]...),
		"junk before":  tlv.Encode(0x6D, []byte{0x5F, 0x1F, 0x7F}, whole[22:]),
	} {
		g := parseDG13(t, raw)
		f := g.Person.Fields()
		if f["idCode"] != "099099000017" || f["personName"] != "Nguyễn Văn Thử" || f["nationality"] != "Việt Nam" {
			t.Errorf("%s: not all fields are found", name)
		}
		if !g.Degraded || !slices.Contains(g.Warnings, cccd.WarnDG13Degraded) {
			t.Errorf("%s: degraded %v, warnings %q", name, g.Degraded, g.Warnings)
		}
	}
}

func TestAnUnknownBodyIsKeptRaw(t *testing.T) {
	body := bytes.Repeat([]byte{0xA7, 0x13, 0x5C}, 50)
	for name, raw := range map[string][]byte{
		"encrypted":    tlv.Encode(0x6D, body),
		"octet string": tlv.Encode(0x6D, tlv.Encode(0x04, body)),
		"empty":        {0x6D, 0x00},
	} {
		g := parseDG13(t, raw)
		if !g.Unknown || !bytes.Contains(raw, g.Raw.Reveal()) || len(g.Raw.Reveal()) < len(raw)-4 {
			t.Errorf("%s: unknown %v, %d bytes kept of %d", name, g.Unknown, len(g.Raw.Reveal()), len(raw))
		}
	}
	for name, raw := range map[string][]byte{"nothing": nil, "DG1": {0x61, 0x02, 0x5F, 0x1F}} {
		if _, err := cccd.ParseDG13(raw); !errors.Is(err, cccd.ErrDG13) {
			t.Errorf("%s: %v, want ErrDG13", name, err)
		}
	}
	if _, err := cccd.ParseDG13(tlv.Encode(0x6D, make([]byte, cccd.MaxDG13))); !errors.Is(err, cccd.ErrTooLong) {
		t.Errorf("a long file: %v, want ErrTooLong", err)
	}
}

func TestAGroupNeverPrintsThePerson(t *testing.T) {
	g := parseDG13(t, unhex(t, vector))
	j, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s", g, g, g, j)
	for _, secret := range []string{"099099", "Thử", "1999", "Mẫu", "Kinh"} {
		if strings.Contains(printed, secret) {
			t.Errorf("a printed group shows %q", secret)
		}
	}
}

// BenchmarkHostileDG13 parses what makes the search work hardest: at every
// place a field that only fails at its end.
func BenchmarkHostileDG13(b *testing.B) {
	raw := append([]byte{0x6D, 0x82, 0x7F, 0xFF}, bytes.Repeat([]byte{0x30, 0x82, 0x03, 0x00, 2, 1, 1}, 580)...)
	for b.Loop() {
		if _, err := cccd.ParseDG13(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParseDG13(f *testing.F) {
	whole := unhex(f, vector)
	f.Add(whole)
	f.Add(whole[:200])
	f.Add(group(unhex(f, nestedParents)))
	f.Add(group(field(14), field(7, utf8String("")), field(2, bmp("Thử"))))
	f.Add([]byte{0x6D, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30})
	f.Add(tlv.Encode(0x6D, bytes.Repeat([]byte{0x30, 0x80}, 100)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := cccd.ParseDG13(raw)
		if err != nil {
			return
		}
		if g.Unknown != g.Raw.IsSet() {
			t.Errorf("unknown %v, raw kept %v", g.Unknown, g.Raw.IsSet())
		}
		if _, err := json.Marshal(g.Person.Fields()); err != nil {
			t.Errorf("Fields cannot be written as JSON: %v", err)
		}
		_ = cccd.Merge(nil, nil, &g)
		if got := cccd.CrossCheck(nil, nil, &g); len(got) != 0 {
			t.Errorf("one source alone differs: %v", got)
		}
	})
}
