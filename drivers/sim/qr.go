package sim

import "strings"

// QR2021 returns the text of the QR code on the chip card of 2021: seven fields
// in UTF-8, without a terminator.
func (c Citizen) QR2021() string {
	c = c.normalised()
	return strings.Join([]string{
		c.IDCode, c.OldIDCode, c.PersonName, compactDate(c.DateOfBirth), c.Gender,
		c.ResidencePlace, compactDate(c.IssueDate),
	}, "|")
}

// QR2024 returns the text of the QR code on the "Căn cước" card of 2024: the
// seven fields and four more, which are empty on the cards of adults. What they
// hold on a child's card is not known for certain, so they stay empty here.
func (c Citizen) QR2024() string { return c.QR2021() + "||||" }

// CAN returns the card access number: the last six digits of the ID number.
func (c Citizen) CAN() string {
	if len(c.IDCode) < 6 {
		return ""
	}
	return c.IDCode[len(c.IDCode)-6:]
}

// compactDate turns 15/01/1999 into 15011999, as the QR code writes dates.
func compactDate(s string) string { return strings.ReplaceAll(s, "/", "") }
