package emrtd

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// CertificateInfo describes a certificate of a trust store. It is about an office,
// not a person.
type CertificateInfo struct {
	ID          string    `json:"id"`      // the fingerprint
	Kind        string    `json:"kind"`    // "csca", "link", "ds", "list-signer"
	Country     string    `json:"country"` // two letters, as a rule; "" when it names none
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hexadecimal
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Key         string    `json:"key"`       // "EC brainpoolP512r1", "RSA 4096"
	Algorithm   string    `json:"algorithm"` // of its signature
	Fingerprint string    `json:"fingerprint"`
	KeyID       string    `json:"keyId,omitempty"`
	IssuerKeyID string    `json:"issuerKeyId,omitempty"`
	Source      Origin    `json:"source,omitempty"`
	Signer      string    `json:"signer,omitempty"` // of the master list: fingerprint of its authority
	File        string    `json:"file,omitempty"`   // in the trust store
}

// RevocationInfo describes a revocation list.
type RevocationInfo struct {
	ID         string     `json:"id"`
	Country    string     `json:"country"`
	Issuer     string     `json:"issuer"`
	Number     string     `json:"number,omitempty"`
	ThisUpdate time.Time  `json:"thisUpdate"`
	NextUpdate *time.Time `json:"nextUpdate,omitempty"`
	Revoked    int        `json:"revoked"` // certificates that it names
	Signer     string     `json:"signer,omitempty"`
	File       string     `json:"file,omitempty"`
}

// Kinds of certificates.
const (
	kindAuthority  = "csca"
	kindLink       = "link"
	kindSigner     = "ds"
	kindListSigner = "list-signer"
)

func (c *certificate) kind() string {
	switch {
	case slices.Contains(c.purposes, oidMasterListSigner):
		return kindListSigner
	case !c.mayIssue():
		return kindSigner
	case c.from == c.to && (len(c.issuerID) == 0 || len(c.keyID) == 0 || bytes.Equal(c.issuerID, c.keyID)):
		return kindAuthority
	}
	return kindLink
}

func (c *certificate) info() CertificateInfo {
	id := c.fingerprint()
	return CertificateInfo{
		ID: id, Kind: c.kind(), Country: c.country(), Subject: nameString(c.subject), Issuer: nameString(c.issuer), Serial: hex.EncodeToString(c.serial),
		NotBefore: c.notBefore, NotAfter: c.notAfter, Key: c.keyString(), Algorithm: algorithmName(c.algorithm), Fingerprint: id,
		KeyID: hex.EncodeToString(c.keyID), IssuerKeyID: hex.EncodeToString(c.issuerID), Source: c.origin, File: c.file,
	}
}

func (l *revocationList) info() RevocationInfo {
	out := RevocationInfo{ID: l.fingerprint(), Country: strings.ToUpper(nameValue(l.issuer, "2.5.4.6")), Issuer: nameString(l.issuer), ThisUpdate: l.thisUpdate, Revoked: len(l.serials), File: l.file}
	if l.number != nil {
		out.Number = l.number.String()
	}
	if !l.nextUpdate.IsZero() {
		out.NextUpdate = &l.nextUpdate
	}
	return out
}

func (c *certificate) keyString() string {
	switch {
	case c.keyErr != nil:
		return "unusable: " + c.keyErr.Error()
	case c.key.rsa != nil:
		return fmt.Sprintf("RSA %d", c.key.rsa.N.BitLen())
	}
	return "EC " + c.key.curve.Name
}

var algorithmNames = map[string]string{
	"1.2.840.113549.1.1.5": "RSA SHA-1", "1.2.840.113549.1.1.14": "RSA SHA-224", "1.2.840.113549.1.1.11": "RSA SHA-256", "1.2.840.113549.1.1.12": "RSA SHA-384", "1.2.840.113549.1.1.13": "RSA SHA-512",
	"1.2.840.113549.1.1.10": "RSA-PSS", "1.2.840.10045.4.1": "ECDSA SHA-1", "1.2.840.10045.4.3.1": "ECDSA SHA-224", "1.2.840.10045.4.3.2": "ECDSA SHA-256", "1.2.840.10045.4.3.3": "ECDSA SHA-384", "1.2.840.10045.4.3.4": "ECDSA SHA-512",
}

func algorithmName(n tlv.Node) string {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil || len(parts) == 0 {
		return "unknown"
	}
	oid := asn.OIDString(parts[0].Value)
	name, ok := algorithmNames[oid]
	if !ok {
		return oid
	}
	if s, err := schemeOf(n, hashAlgorithm{}); err == nil && s.kind == "pss" {
		name += " " + s.hash.String()
	}
	return name
}

var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}

// nameString writes a name as "C=VN, O=…, CN=…", in the order in which it stands.
func nameString(der []byte) string {
	var parts []string
	eachName(der, func(oid, value string) {
		if name, ok := attributeNames[oid]; ok {
			oid = name
		}
		if !utf8.ValidString(value) { // T61String and BMPString of the first years
			value = strings.Map(func(r rune) rune {
				if r == utf8.RuneError || r < 0x20 {
					return -1
				}
				return r
			}, strings.ToValidUTF8(value, ""))
		}
		parts = append(parts, oid+"="+strings.TrimSpace(strings.ReplaceAll(value, "\x00", "")))
	})
	return strings.Join(parts, ", ")
}
