package pace

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/tlv"
)

// Info is one way that a chip offers for PACE.
type Info struct {
	Protocol  Protocol
	Version   int
	Parameter int       // -1 when the chip names none
	Domain    *Domain   // nil when the parameters are not known ones
	Curve     *ec.Curve // Domain's; nil for numbers modulo a prime
	Why       string    // why Domain is nil
}

// Supported reports whether this package can run it: the parameters are known and
// of the kind that the protocol wants. P-224 has no integrated mapping.
func (i Info) Supported() bool {
	return i.Domain != nil && i.Protocol.Agreement == i.Domain.Agreement() && i.Version <= 2 &&
		(i.Protocol.Mapping != Integrated || i.Curve == nil || i.Curve.P.Bit(1) == 1)
}

// CardAccess is what EF.CardAccess says. It is not authentic by itself.
type CardAccess struct {
	PACE  []Info
	Other []string // object identifiers of everything else, dotted
}

// ErrCardAccess says that EF.CardAccess cannot be read as SecurityInfos.
var ErrCardAccess = errors.New("pace: EF.CardAccess is not a set of SecurityInfos")

const (
	oidStandardised = "0.4.0.127.0.7.1.2"
	oidECPublicKey  = "1.2.840.10045.2.1"
	oidBSIECKey     = "0.4.0.127.0.7.1.1.5.2.1"
)

// ParseCardAccess reads the SecurityInfos of EF.CardAccess or EF.CardSecurity (Doc
// 9303-11 §9.2). What it does not know it passes over; an entry that is broken
// does not spoil the others.
func ParseCardAccess(b []byte) (CardAccess, error) {
	set, _, err := tlv.Next(b)
	if err != nil {
		return CardAccess{}, fmt.Errorf("%w: %w", ErrCardAccess, err)
	}
	entries, err := asn.Inside(set, asn.Set)
	if err != nil {
		return CardAccess{}, fmt.Errorf("%w: %w", ErrCardAccess, err)
	}
	var out CardAccess
	domains := map[int]*Domain{}
	reasons := map[int]string{}
	for _, e := range entries {
		parts, err := asn.Inside(e, asn.Sequence)
		if err != nil || len(parts) < 2 || parts[0].Tag != asn.OID {
			continue
		}
		oid := asn.OIDString(parts[0].Value)
		switch p, ok := ByOID(oid); {
		case ok:
			if info, ok := parseInfo(p, parts[1:]); ok {
				out.PACE = append(out.PACE, info)
			}
		case isDomainInfo(oid):
			id := -1
			if len(parts) > 2 {
				id, _ = asn.Int(parts[2])
			}
			domains[id], reasons[id] = parseDomain(parts[1])
		default:
			out.Other = append(out.Other, oid)
		}
	}
	for i := range out.PACE {
		out.PACE[i].resolve(domains, reasons)
	}
	return out, nil
}

// isDomainInfo: id-PACE-ECDH-GM and so on without a cipher's arc.
func isDomainInfo(oid string) bool {
	for _, f := range families {
		if oid == base+f.arc {
			return true
		}
	}
	return false
}

func parseInfo(p Protocol, parts []tlv.Node) (Info, bool) {
	info := Info{Protocol: p, Parameter: -1}
	var err error
	if info.Version, err = asn.Int(parts[0]); err != nil {
		return Info{}, false
	}
	if len(parts) > 1 {
		if info.Parameter, err = asn.Int(parts[1]); err != nil {
			return Info{}, false
		}
	}
	return info, true
}

// resolve finds the parameters: the standardised ones of that number, whose numbers no
// chip may take for its own, then the chip's own, then the only ones that it brings.
func (i *Info) resolve(domains map[int]*Domain, reasons map[int]string) {
	found := func(d *Domain, why string) {
		if i.Domain, i.Why = d, why; d != nil {
			i.Curve = d.curve
		}
	}
	if d, err := DomainByID(i.Parameter); err == nil {
		found(d, "")
		return
	}
	if d, ok := domains[i.Parameter]; ok {
		found(d, reasons[i.Parameter])
		return
	}
	if i.Parameter == -1 && len(domains) == 1 {
		for id, d := range domains {
			found(d, reasons[id])
		}
		return
	}
	i.Why = fmt.Sprintf("domain parameters %d are not known", i.Parameter)
}

// parseDomain reads an AlgorithmIdentifier with domain parameters.
func parseDomain(n tlv.Node) (*Domain, string) {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil || len(parts) < 2 {
		return nil, "domain parameters are not of the form they must have"
	}
	switch oid := asn.OIDString(parts[0].Value); oid {
	case oidStandardised:
		id, err := asn.Int(parts[1])
		if err != nil {
			return nil, err.Error()
		}
		d, err := DomainByID(id)
		if err != nil {
			return nil, err.Error()
		}
		return d, ""
	case oidECPublicKey, oidBSIECKey:
		c, err := ec.FromParameters(parts[1].Raw)
		if err != nil {
			return nil, err.Error()
		}
		return CurveDomain(c), ""
	default:
		return nil, "domain parameters of kind " + oid
	}
}

// Ranked returns the supported offers, the best first: curves before numbers modulo a
// prime, which cost more time and longer commands for less strength; the longer key of
// the cipher; the larger group. Of two that are
// as strong, chip authentication mapping goes first, which proves the chip's key on the way,
// then generic mapping.
func (a CardAccess) Ranked() []Info {
	var out []Info
	for _, i := range a.PACE {
		if i.Supported() {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(x, y Info) int {
		return cmp.Or(
			cmp.Compare(y.Protocol.Agreement, x.Protocol.Agreement), // "ECDH", "DH"
			cmp.Compare(y.Protocol.Cipher, x.Protocol.Cipher),
			cmp.Compare(y.Domain.Bits(), x.Domain.Bits()),
			cmp.Compare(order(x.Protocol.Mapping), order(y.Protocol.Mapping)),
		)
	})
	return out
}

func order(m Mapping) int {
	return map[Mapping]int{ChipAuthentication: 0, Generic: 1, Integrated: 2}[m]
}
