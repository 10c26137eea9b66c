package pace

import (
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/sm"
)

// Mapping says how the nonce becomes a generator.
type Mapping string

// The mappings of Doc 9303-11 §4.4.3.3.
const (
	Generic            Mapping = "GM"
	Integrated         Mapping = "IM"
	ChipAuthentication Mapping = "CAM" // generic mapping, then proof of the chip's key
)

// Protocol is one PACE protocol of §9.2.3.
type Protocol struct {
	OID       string // dotted
	Name      string // "id-PACE-ECDH-GM-AES-CBC-CMAC-128"
	Agreement string // "DH" or "ECDH"
	Mapping   Mapping
	Cipher    sm.Cipher
}

// Content returns the content of the object identifier, as it stands in
// data objects 80 and 06.
func (p Protocol) Content() []byte { return asn.OIDContent(p.OID) }

const base = "0.4.0.127.0.7.2.2.4."

var ciphers = []struct {
	arc, name string
	cipher    sm.Cipher
}{
	{"1", "3DES-CBC-CBC", sm.TDES},
	{"2", "AES-CBC-CMAC-128", sm.AES128},
	{"3", "AES-CBC-CMAC-192", sm.AES192},
	{"4", "AES-CBC-CMAC-256", sm.AES256},
}

var families = []struct {
	arc, agreement string
	mapping        Mapping
}{
	{"1", "DH", Generic}, {"2", "ECDH", Generic}, {"3", "DH", Integrated}, {"4", "ECDH", Integrated}, {"6", "ECDH", ChipAuthentication},
}

// Protocols returns every protocol that Doc 9303 names.
func Protocols() []Protocol {
	var out []Protocol
	for _, f := range families {
		for _, c := range ciphers {
			if f.mapping == ChipAuthentication && c.cipher == sm.TDES {
				continue
			}
			out = append(out, Protocol{
				OID: base + f.arc + "." + c.arc, Name: "id-PACE-" + f.agreement + "-" + string(f.mapping) + "-" + c.name,
				Agreement: f.agreement, Mapping: f.mapping, Cipher: c.cipher,
			})
		}
	}
	return out
}

// ByOID returns the protocol with that dotted object identifier.
func ByOID(dotted string) (Protocol, bool) {
	for _, p := range Protocols() {
		if p.OID == dotted {
			return p, true
		}
	}
	return Protocol{}, false
}

// ByName returns the protocol of that name.
func ByName(name string) (Protocol, bool) {
	for _, p := range Protocols() {
		if p.Name == name {
			return p, true
		}
	}
	return Protocol{}, false
}
