package cccd

import "tram/drivers/emrtd"

// Password returns what opens the chip of the card whose code was read: the access
// number in the ID number and, as the second way, the MRZ that follows from number,
// birth and the estimated expiry (the code holds none). It fails with ErrNotNumber when the
// code is not that of an ID card.
func (q QR) Password() (emrtd.Password, error) {
	id := q.IDCode.Reveal()
	if q.Kind == KindMRZ {
		return emrtd.MRZLines(q.Text.Reveal())
	}
	digits, err := CANFromNumber(id)
	if err != nil || !q.IsID() {
		return emrtd.Password{}, ErrNotNumber
	}
	can, err := emrtd.CAN(digits)
	if err != nil {
		return emrtd.Password{}, err
	}
	var second []emrtd.Password
	birth, err := ParseDate(q.DateOfBirth.Reveal())
	if err != nil || !birth.Full() {
		return can, nil
	}
	for _, expiry := range q.expiries() {
		if p, err := emrtd.MRZ(id[3:], birth.mrz(), expiry); err == nil {
			second = append(second, p)
		}
	}
	return emrtd.CANOrMRZ(can, second...), nil
}

// neverInMRZ is what the zone of a card without an expiry is believed to hold.
const neverInMRZ = "991231"

// expiries returns the expiries, as the zone writes them, that the card may have.
func (q QR) expiries() []string {
	expiry, ok := q.ExpiryEstimate()
	switch {
	case !ok:
		return nil
	case expiry.Never:
		return []string{neverInMRZ}
	}
	return []string{expiry.mrz()}
}

// mrz writes a full date as YYMMDD.
func (d Date) mrz() string {
	s := d.ISO()
	return s[2:4] + s[5:7] + s[8:10]
}
