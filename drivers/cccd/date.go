package cccd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Forever is what a card without an expiry says.
const Forever = "Không thời hạn"

// ErrNotDate says that a text is no date of a Vietnamese document.
var ErrNotDate = errors.New("not a date")

// Date is a date as documents write it: the day, or day and month, may be
// unknown (0). The zero Date is no date at all.
type Date struct {
	Year, Month, Day int
	Never            bool // "Không thời hạn": an expiry that does not come
}

// Years that a document may name: wide enough for everyone alive and for every
// century that the personal number knows.
const (
	firstYear = 1850
	lastYear  = 2399
)

// ParseDate reads DDMMYYYY, MMYYYY, YYYY, 00MMYYYY, 0000YYYY, the same with
// slashes, dashes or dots between, YYYY-MM-DD, and "Không thời hạn" with or
// without diacritics. It fails with ErrNotDate, which does not hold the text.
func ParseDate(s string) (Date, error) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return Date{}, ErrNotDate
	}
	if fold(s) == "KHONG THOI HAN" {
		return Date{Never: true}, nil
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' || r == '.' || r == ' ' })
	if len(parts) == 1 {
		switch p := parts[0]; len(p) {
		case 8:
			parts = []string{p[:2], p[2:4], p[4:]}
		case 6:
			parts = []string{p[:2], p[2:]}
		}
	}
	if len(parts) == 3 && len(parts[0]) == 4 { // ISO order
		parts[0], parts[2] = parts[2], parts[0]
	}
	var n [3]int // day, month, year
	if len(parts) == 0 || len(parts) > 3 {
		return Date{}, ErrNotDate
	}
	for i, p := range parts {
		width := 2
		if i == len(parts)-1 {
			width = 4
		}
		v, err := strconv.Atoi(p)
		if err != nil || !digits(p) || len(p) > width || width == 4 && len(p) != 4 {
			return Date{}, ErrNotDate
		}
		n[3-len(parts)+i] = v
	}
	d := Date{Day: n[0], Month: n[1], Year: n[2]}
	if !d.valid() {
		return Date{}, ErrNotDate
	}
	return d, nil
}

func (d Date) valid() bool {
	switch {
	case d.Never:
		return d == Date{Never: true}
	case d.Year < firstYear || d.Year > lastYear, d.Month < 0 || d.Month > 12, d.Day < 0:
		return false
	case d.Month == 0:
		return d.Day == 0
	}
	return d.Day <= daysIn(d.Year, d.Month)
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Full reports whether day, month and year are known.
func (d Date) Full() bool { return d.Year != 0 && d.Month != 0 && d.Day != 0 }

// String returns dd/MM/yyyy, MM/yyyy or yyyy, as on the card; "Không thời hạn";
// or nothing for no date. It shows the date: keep it out of logs.
func (d Date) String() string {
	switch {
	case d.Never:
		return Forever
	case d.Year == 0:
		return ""
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%02d/%04d", d.Month, d.Year)
	}
	return fmt.Sprintf("%02d/%02d/%04d", d.Day, d.Month, d.Year)
}

// ISO returns yyyy-MM-dd, yyyy-MM or yyyy (ISO 8601), and nothing for no date
// and for one that never comes.
func (d Date) ISO() string {
	switch {
	case d.Never || d.Year == 0:
		return ""
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// agrees reports whether two dates can be the same day: parts that one of them
// does not know are not compared.
func (d Date) agrees(other Date) bool {
	if d.Never != other.Never {
		return false
	}
	same := func(a, b int) bool { return a == 0 || b == 0 || a == b }
	return same(d.Year, other.Year) && same(d.Month, other.Month) && same(d.Day, other.Day)
}

func (d Date) before(other Date) bool {
	if d.Year != other.Year {
		return d.Year < other.Year
	}
	if d.Month != other.Month {
		return d.Month < other.Month
	}
	return d.Day < other.Day
}

// plusYears adds whole years; the 29 February of a year without one is its last
// day of February (Bộ luật Dân sự 2015 art. 147 counts terms so).
func (d Date) plusYears(years int) Date {
	d.Year += years
	d.Day = min(d.Day, daysIn(d.Year, d.Month))
	return d
}

// lawOf2024 is the day on which Luật Căn cước 26/2023 came into force.
var lawOf2024 = Date{Year: 2024, Month: 7, Day: 1}

// EstimateExpiry says when a card expires by the law's ages, for when only the
// QR was read, which does not hold the expiry. It is an estimate and must be
// labelled as one. The card is to be changed at 14 (cards issued since 1 July
// 2024), 25, 40 and 60; one that was issued within two years before such an age
// is valid until the next (Luật Căn cước 26/2023 art. 21); after 60 it does not
// expire. It answers false when a date is not fully known or does not fit.
func EstimateExpiry(birth, issued Date) (Date, bool) {
	if !birth.Full() || !issued.Full() || issued.before(birth) || !birth.valid() || !issued.valid() {
		return Date{}, false
	}
	ages := []int{14, 25, 40, 60}
	if issued.before(lawOf2024) {
		ages = ages[1:]
	}
	for _, age := range ages {
		birthday := birth.plusYears(age)
		if !issued.before(birthday) {
			continue
		}
		if issued.plusYears(2).before(birthday) {
			return birthday, true
		}
	}
	return Date{Never: true}, true
}
