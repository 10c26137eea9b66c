package sim

import (
	"crypto"
	"crypto/sha256"
	"maps"
	"slices"

	"tram/drivers/emrtd/tlv"
)

var (
	oidData        = []int{1, 2, 840, 113549, 1, 7, 2} // id-signedData
	oidLDS         = []int{2, 23, 136, 1, 1, 1}        // id-icao-mrtd-security-ldsSecurityObject
	oidContentType = []int{1, 2, 840, 113549, 1, 9, 3} // signed attribute
	oidDigest      = []int{1, 2, 840, 113549, 1, 9, 4} // signed attribute
)

// sod returns the file EF.SOD: tag 77 with a CMS SignedData over the hashes of
// the data groups, by their numbers (Doc 9303-10 §4.6.2).
func (s signer) sod(groups map[int][]byte) ([]byte, error) {
	var hashes [][]byte
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		hashes = append(hashes, sequence(integer(int64(n)), octets(groupHash(groups[n]))))
	}
	// LDSSecurityObject version 0, as LDS 1.7 has it.
	content := sequence(integer(0), digestAlgorithm(crypto.SHA256), sequence(hashes...))
	attributes := [][]byte{
		sequence(oid(oidContentType...), set(oid(oidLDS...))),
		sequence(oid(oidDigest...), set(octets(groupHash(content)))),
	}
	// The signature is over the attributes as a SET OF, which then stand in the
	// file as [0] (RFC 5652 §5.4).
	signed := set(attributes...)
	sig, err := s.key.sign(signed)
	if err != nil {
		return nil, err
	}
	inFile := append([]byte{0xA0}, signed[1:]...)
	info := sequence(
		integer(1), // signer by issuer and serial number
		sequence(s.issuer, bigInteger(s.serial)),
		digestAlgorithm(crypto.SHA256),
		inFile,
		s.key.signatureAlgorithm(),
		octets(sig))
	signedData := sequence(
		integer(3),
		set(digestAlgorithm(crypto.SHA256)),
		sequence(oid(oidLDS...), tagged(0, octets(content))),
		tagged(0, s.certificate),
		set(info))
	return tlv.Encode(0x77, sequence(oid(oidData...), tagged(0, signedData))), nil
}

// groupHash is the hash of a file as it stands on the chip.
func groupHash(file []byte) []byte {
	sum := sha256.Sum256(file)
	return sum[:]
}
