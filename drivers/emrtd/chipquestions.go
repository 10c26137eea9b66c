package emrtd

import (
	"strings"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// Arcs of Chip Authentication in DG14 (Doc 9303-11 §6.2, TR-03110-3 A.1.1.2).
const (
	arcChipKey  = "0.4.0.127.0.7.2.2.1." // ChipAuthenticationPublicKeyInfo
	arcChipInfo = "0.4.0.127.0.7.2.2.3." // ChipAuthenticationInfo
)

// chipQuestions fills in what the chip itself could prove.
func (v *Verification) chipQuestions(files Files) {
	v.ChipAuthentication, v.Detail[questionCA] = NotSupported, "DG14 was not read or is not there"
	if raw, ok := files[DG14]; ok {
		v.Detail[questionCA] = "DG14 brings no key"
		if hasChipKey(raw) {
			v.ChipAuthentication, v.Detail[questionCA] = NotDone, "the chip has a key in DG14 and was not asked to prove it"
		}
	}
	v.ActiveAuthentication, v.Detail[questionAA] = NotSupported, "DG15 was not read or is not there"
	if _, ok := files[DG15]; ok {
		v.ActiveAuthentication, v.Detail[questionAA] = NotDone, "the chip has a key in DG15 and was not asked to prove it"
	}
}

// hasChipKey reports whether DG14 announces Chip Authentication.
func hasChipKey(raw []byte) bool {
	outer, _, err := tlv.Next(raw)
	if err != nil || outer.Tag != 0x6E {
		return false
	}
	set, _, err := tlv.Next(outer.Value)
	if err != nil {
		return false
	}
	infos, err := asn.Inside(set, asn.Set)
	if err != nil {
		return false
	}
	for _, info := range infos {
		parts, err := asn.Inside(info, asn.Sequence)
		if err != nil || len(parts) == 0 {
			continue
		}
		oid := asn.OIDString(parts[0].Value)
		if strings.HasPrefix(oid, arcChipKey) || strings.HasPrefix(oid, arcChipInfo) {
			return true
		}
	}
	return false
}
