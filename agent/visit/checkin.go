package visit

import (
	"fmt"
	"time"

	"tram/drivers/cccd"
)

// vietnam is where check-in times are written and where a day begins: UTC+7,
// without summer time, whatever the machine says.
var vietnam = time.FixedZone("UTC+7", 7*60*60)

// checkIn is the part of the check-in table of QĐ 4750/QĐ-BYT that a reception
// knows, under the table's own names. What is not known is empty.
func checkIn(p cccd.Person, insurance *cccd.Insurance, now time.Time) map[string]string {
	fields := map[string]string{
		"ho_ten": p.PersonName.Reveal(), "so_cccd": p.IDCode.Reveal(), "ngay_sinh": digits12(p.DateOfBirth.Reveal()),
		"gioi_tinh": "3", "ma_the_bhyt": "", "ma_dkbd": "", "gt_the_tu": "", "gt_the_den": "",
		"ngay_vao": now.In(vietnam).Format("200601021504"),
	}
	if fields["so_cccd"] == "" {
		fields["so_cccd"] = p.DocumentNumber.Reveal()
	}
	switch p.Gender.Reveal() {
	case cccd.Male:
		fields["gioi_tinh"] = "1"
	case cccd.Female:
		fields["gioi_tinh"] = "2"
	}
	if i := insurance; i != nil {
		fields["ma_the_bhyt"], fields["ma_dkbd"] = i.CardNumber.Reveal(), i.Facility.Reveal()
		fields["gt_the_tu"], fields["gt_the_den"] = digits8(i.ValidFrom.Reveal()), digits8(i.ValidTo.Reveal())
	}
	return fields
}

// digits12 writes a date of birth as yyyymmddHHMM, with zeros for what is not known.
func digits12(date string) string {
	d, err := cccd.ParseDate(date)
	if err != nil || d.Year == 0 {
		return ""
	}
	return fmt.Sprintf("%04d%02d%02d0000", d.Year, d.Month, d.Day)
}

func digits8(date string) string {
	if d := digits12(date); d != "" {
		return d[:8]
	}
	return ""
}
