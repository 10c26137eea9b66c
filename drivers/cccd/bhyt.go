package cccd

import (
	"encoding/hex"
	"strings"

	"tram/drivers/privacy"
)

// Insurance is what only the health insurance card's code says. Dates are
// dd/MM/yyyy.
type Insurance struct {
	CardNumber    privacy.Private[string] // or the 10-digit social insurance code
	Facility      privacy.Private[string] // where first treated: five characters
	ValidFrom     privacy.Private[string]
	ValidTo       privacy.Private[string]
	Agency        privacy.Private[string] // the social insurance office
	ParentName    privacy.Private[string]
	LivingArea    privacy.Private[string] // K1, K2, K3
	FiveYearsFrom privacy.Private[string] // insured for five years without a gap from this day
	Check         privacy.Private[string]
}

// PersonFields reveals what a reception needs of the card, under names that stand
// beside a person's own; every name is there, also of no card.
func (i *Insurance) PersonFields() map[string]string {
	if i == nil {
		i = &Insurance{}
	}
	return map[string]string{
		"insuranceNumber": i.CardNumber.Reveal(), "insurancePlace": i.Facility.Reveal(),
		"insuranceFrom": i.ValidFrom.Reveal(), "insuranceUntil": i.ValidTo.Reveal(),
	}
}

// parseInsurance reads the code of the health insurance card: fields between
// bars, texts in hexadecimal UTF-8, "$" at the end.
func (q *QR) parseInsurance(parts []string) {
	field := func(i int) string {
		if i >= len(parts)-1 { // the last one is the check value
			return ""
		}
		if s := tidy(parts[i]); s != "-" {
			return s
		}
		return ""
	}
	date := func(i int) privacy.Private[string] {
		s := field(i)
		if d, err := ParseDate(s); err == nil {
			s = d.String()
		}
		return privacy.New(s)
	}
	q.Kind = KindBHYT
	sex := ""
	switch field(3) {
	case "1":
		sex = Male
	case "2":
		sex = Female
	default:
		q.warn(WarnGender)
	}
	q.Person = Person{
		PersonName: privacy.New(q.hexText(field(1))), DateOfBirth: privacy.New(q.date(field(2), WarnBirth)),
		Gender: privacy.New(sex), ResidencePlace: privacy.New(tidyAddress(q.hexText(field(4)))), IssueDate: date(8),
	}
	q.ResidenceRaw = privacy.New(q.hexText(field(4)))
	q.Insurance = &Insurance{
		CardNumber: privacy.New(field(0)),
		Facility:   privacy.New(strings.NewReplacer("-", "", " ", "").Replace(field(5))),
		ValidFrom:  date(6), ValidTo: date(7),
		Agency: privacy.New(field(9)), ParentName: privacy.New(q.hexText(field(10))),
		LivingArea: privacy.New(field(11)), FiveYearsFrom: date(12),
		Check: privacy.New(strings.TrimSuffix(parts[len(parts)-1], "$")),
	}
	if len(parts) > 14 {
		q.Extra = privacy.New(append([]string(nil), parts[13:len(parts)-1]...))
	}
}

// hexText decodes hexadecimal UTF-8; what is not that comes back as it stands.
func (q *QR) hexText(s string) string {
	if s == "" {
		return ""
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		for _, w := range q.Warnings {
			if w == WarnInsuranceHex {
				return s
			}
		}
		q.warn(WarnInsuranceHex)
		return s
	}
	return tidy(string(b))
}

func (i *Insurance) fields() map[string]string {
	return map[string]string{
		"cardNumber": i.CardNumber.Reveal(), "facility": i.Facility.Reveal(),
		"validFrom": i.ValidFrom.Reveal(), "validTo": i.ValidTo.Reveal(),
		"agency": i.Agency.Reveal(), "parentName": i.ParentName.Reveal(),
		"livingArea": i.LivingArea.Reveal(), "fiveYearsFrom": i.FiveYearsFrom.Reveal(),
	}
}
