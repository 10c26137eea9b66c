package sim

import (
	"crypto"
	"crypto/sha256"
	"maps"
	"slices"

	"tram/drivers/emrtd/tlv"
)

var (
	oidData        = []int{1, 2, 840, 113549, 1, 7, 2}  // id-signedData
	oidLDS         = []int{2, 23, 136, 1, 1, 1}         // id-icao-mrtd-security-ldsSecurityObject
	oidSecurity    = []int{0, 4, 0, 127, 0, 7, 3, 2, 1} // id-SecurityObject
	oidContentType = []int{1, 2, 840, 113549, 1, 9, 3}  // signed attribute
	oidDigest      = []int{1, 2, 840, 113549, 1, 9, 4}  // signed attribute
)

// sod returns the file EF.SOD: tag 77 with a CMS SignedData over the hashes of
// the data groups, by their numbers (Doc 9303-10 §4.6.2).
func (s signer) sod(groups map[int][]byte, hash crypto.Hash) ([]byte, error) {
	var hashes [][]byte
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		hashes = append(hashes, sequence(integer(int64(n)), octets(digestOf(hash, groups[n]))))
	}
	// LDSSecurityObject version 0, as LDS 1.7 has it.
	content := sequence(integer(0), digestAlgorithm(hash), sequence(hashes...))
	signed, err := s.signedData(oidLDS, content)
	if err != nil {
		return nil, err
	}
	return tlv.Encode(0x77, signed), nil
}

// cardSecurity returns the file EF.CardSecurity: SecurityInfos, signed (Doc
// 9303-11 §9.2.11).
func (s signer) cardSecurity(infos []byte) ([]byte, error) { return s.signedData(oidSecurity, infos) }

// signedData returns a CMS ContentInfo with one signer.
func (s signer) signedData(kind []int, content []byte) ([]byte, error) {
	attributes := [][]byte{
		sequence(oid(oidContentType...), set(oid(kind...))),
		sequence(oid(oidDigest...), set(octets(digestOf(s.key.hash, content)))),
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
		digestAlgorithm(s.key.hash),
		inFile,
		s.key.signatureAlgorithm(),
		octets(sig))
	return sequence(oid(oidData...), tagged(0, sequence(
		integer(3),
		set(digestAlgorithm(s.key.hash)),
		sequence(oid(kind...), tagged(0, octets(content))),
		tagged(0, s.certificate),
		set(info)))), nil
}

func digestOf(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

// groupHash is the SHA-256 of a file as it stands on the chip.
func groupHash(file []byte) []byte {
	sum := sha256.Sum256(file)
	return sum[:]
}
