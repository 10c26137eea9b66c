package cccd

import (
	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// Person is what documents say of their holder, under the names that readers in
// Viet Nam use. Dates are dd/MM/yyyy, MM/yyyy or yyyy as on the card (ParseDate
// reads them); the expiry may be "Không thời hạn". What the evidence does not
// give is empty.
type Person struct {
	IDCode                 privacy.Private[string] // 12-digit personal number
	OldIDCode              privacy.Private[string] // 9-digit CMND number
	PersonName             privacy.Private[string]
	DateOfBirth            privacy.Private[string]
	Gender                 privacy.Private[string] // "Nam", "Nữ"
	Nationality            privacy.Private[string] // "Việt Nam", or the MRZ's code of another state
	Race                   privacy.Private[string] // ethnicity; sensitive
	Religion               privacy.Private[string] // sensitive
	OriginPlace            privacy.Private[string] // quê quán
	ResidencePlace         privacy.Private[string] // nơi thường trú, nơi cư trú
	PersonalIdentification privacy.Private[string] // distinguishing features
	IssueDate              privacy.Private[string]
	ExpiryDate             privacy.Private[string]
	FatherName             privacy.Private[string]
	MotherName             privacy.Private[string]
	WifeName               privacy.Private[string] // wife or husband
	ChipID                 privacy.Private[string]
	DocumentNumber         privacy.Private[string] // of the MRZ: for a CCCD the number's last nine digits
}

// each calls f with every field and its name, in the order of the card.
func (p *Person) each(f func(name string, value *privacy.Private[string])) {
	f("idCode", &p.IDCode)
	f("oldIdCode", &p.OldIDCode)
	f("personName", &p.PersonName)
	f("dateOfBirth", &p.DateOfBirth)
	f("gender", &p.Gender)
	f("nationality", &p.Nationality)
	f("race", &p.Race)
	f("religion", &p.Religion)
	f("originPlace", &p.OriginPlace)
	f("residencePlace", &p.ResidencePlace)
	f("personalIdentification", &p.PersonalIdentification)
	f("issueDate", &p.IssueDate)
	f("expiryDate", &p.ExpiryDate)
	f("fatherName", &p.FatherName)
	f("motherName", &p.MotherName)
	f("wifeName", &p.WifeName)
	f("chipId", &p.ChipID)
	f("documentNumber", &p.DocumentNumber)
}

// Fields reveals the person, by the names of the local API. Every name is there,
// with an empty string for what is not known.
func (p Person) Fields() map[string]string {
	fields := map[string]string{}
	p.each(func(name string, value *privacy.Private[string]) { fields[name] = value.Reveal() })
	return fields
}

// Merge makes one person of what the evidence says; each part may be nil. The
// chip goes before the QR, and data group 13 before the MRZ, which knows neither
// diacritics nor centuries. A QR that names another number than the chip is of
// another card and adds nothing; CrossCheck tells of it.
func Merge(qr *QR, mrz *emrtd.MRZInfo, dg13 *DG13) Person {
	var p Person
	if dg13 != nil {
		p.fill(dg13.Person)
	}
	if mrz != nil {
		zone := FromMRZ(*mrz)
		name := zone.PersonName.Reveal()
		// The QR may lend the MRZ's name its diacritics, and the date its century.
		if qr != nil && sameCard(p, zone, qr.Person) {
			if qrName := qr.PersonName.Reveal(); qrName != "" && nameFitsMRZ(qrName, *mrz) {
				name = qrName
			}
			if birth := qr.DateOfBirth.Reveal(); birth != "" && dateFitsMRZ(birth, mrz.Birth.Reveal()) {
				zone.DateOfBirth = privacy.New(birth)
			}
		}
		zone.PersonName = privacy.New(name)
		p.fill(zone)
	}
	if qr != nil && sameCard(p, Person{}, qr.Person) {
		p.fill(qr.Person)
	}
	return p
}

// fill takes what p does not have yet.
func (p *Person) fill(from Person) {
	values := from.Fields()
	p.each(func(name string, value *privacy.Private[string]) {
		if value.Reveal() == "" && values[name] != "" {
			*value = privacy.New(values[name])
		}
	})
}

// sameCard reports whether the QR's number is the chip's, as far as both say one.
func sameCard(dg13, mrz, qr Person) bool {
	scanned := qr.IDCode.Reveal()
	for _, chip := range []string{dg13.IDCode.Reveal(), mrz.IDCode.Reveal()} {
		if chip != "" && scanned != "" && chip != scanned {
			return false
		}
	}
	return true
}
