package cccd_test

import (
	"slices"
	"strings"
	"testing"

	"tram/drivers/cccd"
	"tram/drivers/emrtd"
)

const (
	compareQR  = "099099000017|000000017|Nguyễn Văn Thử|15011999|Nam|Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu|02032022"
	compareMRZ = "IDVNM0990000176099099000017<<29901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<THU<<<<<<<<<<<<<<<"
)

func namesOf(all []cccd.Comparison) []string {
	var out []string
	for _, c := range all {
		out = append(out, c.Field+" "+strings.Join(c.Between, "/")+" "+c.Result)
	}
	return out
}

func TestEachComparisonIsNamed(t *testing.T) {
	qr, err := cccd.ParseQR([]byte(compareQR))
	if err != nil {
		t.Fatal(err)
	}
	mrz, err := emrtd.ParseMRZ(compareMRZ)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"idCode qr/mrz ok", "documentNumber qr/mrz ok", "personName qr/mrz ok", "dateOfBirth qr/mrz ok", "gender qr/mrz ok"}
	if got := namesOf(cccd.Compare(&qr, &mrz, nil)); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	other, err := cccd.ParseQR([]byte(strings.Replace(compareQR, "Thử|1501", "Sai|1601", 1)))
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"idCode qr/mrz ok", "documentNumber qr/mrz ok", "personName qr/mrz differs", "dateOfBirth qr/mrz differs", "gender qr/mrz ok"}
	if got := namesOf(cccd.Compare(&other, &mrz, nil)); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if w := cccd.CheckMRZ(mrz); len(w) != 0 {
		t.Errorf("a right MRZ: %v", w)
	}
	for from, to := range map[string]string{"<<299": "<<399", "IDVNM099000017": "IDVNM099000018"} {
		m, err := emrtd.ParseMRZ(strings.Replace(compareMRZ, from, to, 1))
		if err != nil || len(cccd.CheckMRZ(m)) != 1 {
			t.Errorf("%s: %v, %v", to, cccd.CheckMRZ(m), err)
		}
	}
}

// A code gives the access number, and with full dates an MRZ as the second way.
func TestACodeOpensAChipInTwoWays(t *testing.T) {
	for text, ok := range map[string]bool{
		compareQR: true, strings.Replace(compareQR, "15011999", "1999", 1): true, compareMRZ: true, "something else": false,
	} {
		qr, err := cccd.ParseQR([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p, err := qr.Password()
		kind := "CAN"
		if text == compareMRZ {
			kind = "MRZ"
		}
		if (err == nil) != ok || ok && p.Kind() != kind {
			t.Errorf("kind %q: %q, %v", qr.Kind, p.Kind(), err)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add([]byte(compareQR), compareMRZ, []byte{0x6D, 0})
	f.Fuzz(func(t *testing.T, code []byte, zone string, group []byte) {
		qr, err := cccd.ParseQR(code)
		if err == nil {
			_, _ = qr.Password()
		}
		mrz, err := emrtd.ParseMRZ(zone)
		if err != nil {
			mrz = emrtd.MRZInfo{}
		}
		cccd.CheckMRZ(mrz)
		d, err := cccd.ParseDG13(group)
		if err != nil {
			d = cccd.DG13{}
		}
		all := cccd.Compare(&qr, &mrz, &d)
		if differ := cccd.CrossCheck(&qr, &mrz, &d); len(differ) > len(all) {
			t.Fatal("more differences than comparisons")
		}
		cccd.Merge(&qr, &mrz, &d)
	})
}
