package emrtd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// Object identifiers of EF.SOD (Doc 9303-10 §4.6.2, RFC 5652).
const (
	oidSignedData        = "1.2.840.113549.1.7.2"
	oidLDSObject         = "2.23.136.1.1.1"
	oidAttrContentType   = "1.2.840.113549.1.9.3"
	oidAttrMessageDigest = "1.2.840.113549.1.9.4"
)

// ldsObjects are the content types of EF.SOD: that of Doc 9303 and two from before.
var ldsObjects = []string{oidLDSObject, "1.3.27.1.1.1", "1.2.528.1.1006.1.20.1"}

// errSOD says that EF.SOD, or signed data like it, cannot be read.
var errSOD = errors.New("not signed data of the form it must have")

// securityObject is EF.SOD, taken apart.
type securityObject struct {
	signedData
	object ldsObject
}

// ldsObject is the LDSSecurityObject, version 0 or 1: the hashes of the groups.
type ldsObject struct {
	version int
	hash    hashAlgorithm
	hashes  []groupHash
}

type groupHash struct {
	group int
	value []byte
}

// of returns the hash of a group.
func (o ldsObject) of(group int) ([]byte, bool) {
	for _, h := range o.hashes {
		if h.group == group {
			return h.value, true
		}
	}
	return nil, false
}

// signedData is a CMS SignedData (RFC 5652 §5) with what it was signed over.
type signedData struct {
	contentType  string
	content      []byte
	certificates []*certificate
	signers      []signerInfo
}

type signerInfo struct {
	issuer, serial, keyID []byte // issuer and serial, or keyID
	digest                hashAlgorithm
	attributes            []tlv.Node // signed attributes; nil when there are none
	rawAttributes         []byte     // their encoding, with the tag of a set
	algorithm             tlv.Node   // AlgorithmIdentifier of the signature
	signature             []byte
}

// parseSOD reads EF.SOD.
func parseSOD(raw []byte) (*securityObject, error) {
	if len(raw) == 0 {
		return nil, fmt.Errorf("%w: empty", errSOD)
	}
	n, _, err := tlv.Next(raw)
	if errors.Is(err, tlv.ErrInvalid) {
		if der, again := asn.Definite(raw); again == nil {
			n, _, err = tlv.Next(der)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSOD, err)
	}
	inner := n.Value
	if n.Tag == asn.Sequence {
		inner = n.Raw
	} else if n.Tag != 0x77 {
		return nil, fmt.Errorf("%w: tag %X", errSOD, n.Tag)
	}
	sd, err := parseSignedData(inner)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(ldsObjects, sd.contentType) {
		return nil, fmt.Errorf("%w: content of type %s", errSOD, sd.contentType)
	}
	object, err := parseLDSObject(sd.content)
	if err != nil {
		return nil, fmt.Errorf("%w: LDSSecurityObject: %w", errSOD, err)
	}
	return &securityObject{signedData: *sd, object: object}, nil
}

// parseSignedData reads ContentInfo { signedData, [0] SignedData }.
func parseSignedData(der []byte) (*signedData, error) {
	bad := func(what string, err error) (*signedData, error) {
		if err == nil {
			return nil, fmt.Errorf("%w: %s", errSOD, what)
		}
		return nil, fmt.Errorf("%w: %s: %w", errSOD, what, err)
	}
	outer, err := asn.One(der, asn.Sequence)
	if err == nil {
		_, err = asn.Elements(outer.Value)
	}
	if errors.Is(err, tlv.ErrInvalid) { // an indefinite length, most likely
		if der, err = asn.Definite(der); err == nil {
			outer, err = asn.One(der, asn.Sequence)
		}
	}
	if err != nil {
		return bad("ContentInfo", err)
	}
	info, err := asn.Elements(outer.Value)
	if err != nil || len(info) < 2 || asn.OIDString(info[0].Value) != oidSignedData || info[1].Tag != 0xA0 {
		return bad("ContentInfo", err)
	}
	seq, err := asn.One(info[1].Value, asn.Sequence)
	if err != nil {
		return bad("SignedData", err)
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil || len(parts) < 4 {
		return bad("SignedData", err)
	}
	sd := &signedData{}
	if sd.contentType, sd.content, err = parseContent(parts[2]); err != nil {
		return bad("content", err)
	}
	for _, p := range parts[3:] {
		switch p.Tag {
		case 0xA0:
			sd.certificates = certificatesIn(p.Value)
		case asn.Set:
			if sd.signers, err = parseSigners(p.Value); err != nil {
				return bad("SignerInfo", err)
			}
		}
	}
	if len(sd.signers) == 0 {
		return bad("no signer", nil)
	}
	return sd, nil
}

// parseContent reads EncapsulatedContentInfo. The octet string may be in pieces.
func parseContent(n tlv.Node) (kind string, content []byte, err error) {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil {
		return "", nil, err
	}
	if len(parts) < 2 || parts[1].Tag != 0xA0 {
		return "", nil, asn.ErrForm
	}
	octets, _, err := tlv.Next(parts[1].Value)
	if err != nil {
		return "", nil, err
	}
	switch octets.Tag {
	case asn.OctetString:
		content = octets.Value
	case asn.OctetString | 0x20:
		pieces, err := asn.Elements(octets.Value)
		if err != nil {
			return "", nil, err
		}
		for _, p := range pieces {
			if p.Tag != asn.OctetString {
				return "", nil, asn.ErrForm
			}
			content = append(content, p.Value...)
		}
	default:
		return "", nil, asn.ErrForm
	}
	return asn.OIDString(parts[0].Value), content, nil
}

// certificatesIn reads the certificates; one that cannot be read is passed over.
func certificatesIn(set []byte) []*certificate {
	elements, err := asn.Elements(set)
	if err != nil {
		return nil
	}
	var out []*certificate
	for _, e := range elements[:min(len(elements), 16)] {
		if c, err := parseCertificate(e.Raw); err == nil {
			out = append(out, c)
		}
	}
	return out
}

func parseSigners(set []byte) ([]signerInfo, error) {
	elements, err := asn.Elements(set)
	if err != nil {
		return nil, err
	}
	var out []signerInfo
	for _, e := range elements[:min(len(elements), 4)] {
		parts, err := asn.Inside(e, asn.Sequence)
		if err != nil {
			return nil, err
		}
		s, err := parseSigner(parts)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSigner(parts []tlv.Node) (signerInfo, error) {
	if len(parts) < 5 {
		return signerInfo{}, asn.ErrForm
	}
	var s signerInfo
	switch sid := parts[1]; sid.Tag {
	case asn.Sequence:
		names, err := asn.Elements(sid.Value)
		if err != nil || len(names) != 2 {
			return signerInfo{}, asn.ErrForm
		}
		s.issuer, s.serial = names[0].Raw, names[1].Value
	case 0x80:
		s.keyID = sid.Value
	case 0xA0:
		if id, _, err := tlv.Next(sid.Value); err == nil {
			s.keyID = id.Value
		}
	default:
		return signerInfo{}, asn.ErrForm
	}
	var err error
	if s.digest, err = hashOf(parts[2]); err != nil {
		return signerInfo{}, err
	}
	rest := parts[3:]
	if rest[0].Tag == 0xA0 {
		if s.attributes, err = asn.Elements(rest[0].Value); err != nil {
			return signerInfo{}, err
		}
		s.rawAttributes = tlv.Encode(asn.Set, rest[0].Value)
		rest = rest[1:]
	}
	if len(rest) < 2 || rest[0].Tag != asn.Sequence || rest[1].Tag != asn.OctetString {
		return signerInfo{}, asn.ErrForm
	}
	s.algorithm, s.signature = rest[0], rest[1].Value
	return s, nil
}

// attribute returns the single value of a signed attribute. Twice there, or with
// several values, it is none (RFC 5652 §11).
func (s signerInfo) attribute(oid string) (tlv.Node, bool) {
	var found tlv.Node
	count := 0
	for _, a := range s.attributes {
		parts, err := asn.Inside(a, asn.Sequence)
		if err != nil || len(parts) != 2 || asn.OIDString(parts[0].Value) != oid {
			continue
		}
		count++
		values, err := asn.Inside(parts[1], asn.Set)
		if err != nil || len(values) != 1 {
			return tlv.Node{}, false
		}
		found = values[0]
	}
	return found, count == 1
}

// signedBytes returns what the signature is over: the attributes as they stand,
// and, should they not stand in DER's order, in that order.
func (s signerInfo) signedBytes(content []byte) [][]byte {
	if s.rawAttributes == nil {
		return [][]byte{content}
	}
	sorted := slices.Clone(s.attributes)
	slices.SortFunc(sorted, func(a, b tlv.Node) int { return bytes.Compare(a.Raw, b.Raw) })
	var body [][]byte
	for _, a := range sorted {
		body = append(body, a.Raw)
	}
	der := tlv.Encode(asn.Set, body...)
	if bytes.Equal(der, s.rawAttributes) {
		return [][]byte{der}
	}
	return [][]byte{s.rawAttributes, der}
}

func parseLDSObject(der []byte) (ldsObject, error) {
	seq, err := asn.One(der, asn.Sequence)
	if err != nil {
		return ldsObject{}, err
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil || len(parts) < 3 {
		return ldsObject{}, errors.Join(asn.ErrForm, err)
	}
	var o ldsObject
	if o.version, err = asn.Int(parts[0]); err != nil {
		return ldsObject{}, err
	}
	if o.version != 0 && o.version != 1 {
		return ldsObject{}, fmt.Errorf("%w: version %d", asn.ErrForm, o.version)
	}
	if o.hash, err = hashOf(parts[1]); err != nil {
		return ldsObject{}, err
	}
	list, err := asn.Inside(parts[2], asn.Sequence)
	if err != nil {
		return ldsObject{}, err
	}
	for _, e := range list {
		pair, err := asn.Inside(e, asn.Sequence)
		if err != nil || len(pair) != 2 || pair[1].Tag != asn.OctetString {
			return ldsObject{}, asn.ErrForm
		}
		n, err := asn.Int(pair[0])
		if err != nil || DG(n) == 0 {
			return ldsObject{}, asn.ErrForm
		}
		if _, twice := o.of(n); twice {
			return ldsObject{}, fmt.Errorf("%w: DG%d twice", asn.ErrForm, n)
		}
		o.hashes = append(o.hashes, groupHash{group: n, value: pair[1].Value})
	}
	return o, nil
}
