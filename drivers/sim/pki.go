package sim

import (
	"crypto"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tram/drivers/emrtd/tlv"
)

// A PKI signs the files of virtual cards: a country signing CA and a document
// signer. Its keys live in memory and end with the program.
type PKI struct {
	spec   PKISpec
	csca   authority
	signer signer

	// The signers of cards that must not verify, made when a card needs one.
	expired, unknown, revoked func() (signer, error)
}

// PKISpec says what keys and hashes a PKI has. What is left out is as with the
// Vietnamese documents: a CA on brainpoolP512r1 with SHA-512, a signer on
// brainpoolP384r1 with SHA-256, and SHA-256 over the data groups.
type PKISpec struct {
	CA      KeySpec `yaml:"ca"`
	Signer  KeySpec `yaml:"signer"`
	Hashes  string  `yaml:"hashes"`  // of the data groups
	Country string  `yaml:"country"` // two letters, in the certificates' names
}

func (s PKISpec) withDefaults() PKISpec {
	or := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	or(&s.CA.Key, "brainpoolP512r1")
	or(&s.CA.Hash, "SHA-512")
	or(&s.Signer.Key, "brainpoolP384r1")
	or(&s.Signer.Hash, "SHA-256")
	or(&s.Hashes, "SHA-256")
	or(&s.Country, "VN")
	return s
}

// hash returns the hash over the data groups; the specification was checked.
func (s PKISpec) hash() crypto.Hash {
	h, _ := hashByName(s.Hashes)
	return h
}

const year = 365 * 24 * time.Hour

// authority is a country signing CA.
type authority struct {
	key         *key
	country     string
	name        []byte // encoded
	certificate []byte
}

// signer is a document signer.
type signer struct {
	key         *key
	issuer      []byte // encoded name
	serial      *big.Int
	certificate []byte
}

// NewPKI makes a new test PKI. Its certificates name themselves as a test's and
// name their curves, so that OpenSSL verifies them.
func NewPKI() (*PKI, error) { return NewPKIOf(PKISpec{}) }

// NewExplicitPKI makes a test PKI whose certificates spell their curves out, as
// Doc 9303-12 asks and the CA of the Vietnamese passport does. OpenSSL reads
// them but refuses by policy to build a chain with them.
func NewExplicitPKI() (*PKI, error) {
	return NewPKIOf(PKISpec{CA: KeySpec{Explicit: true}, Signer: KeySpec{Explicit: true}})
}

// NewPKIOf makes a new test PKI with the given keys and hashes.
func NewPKIOf(spec PKISpec) (*PKI, error) {
	p := &PKI{spec: spec.withDefaults()}
	if _, err := hashByName(p.spec.Hashes); err != nil {
		return nil, fmt.Errorf("make a test PKI: %w", err)
	}
	var err error
	if p.csca, err = newAuthority("Tram test CSCA", p.spec); err != nil {
		return nil, fmt.Errorf("make a test PKI: %w", err)
	}
	if p.signer, err = p.csca.newSigner(p.spec.Signer, time.Now().Add(-5*year), 11*year); err != nil {
		return nil, fmt.Errorf("make a test PKI: %w", err)
	}
	p.expired = sync.OnceValues(func() (signer, error) {
		return p.csca.newSigner(p.spec.Signer, time.Now().Add(-12*year), 11*year)
	})
	p.revoked = sync.OnceValues(func() (signer, error) {
		return p.csca.newSigner(p.spec.Signer, time.Now().Add(-5*year), 11*year)
	})
	p.unknown = sync.OnceValues(func() (signer, error) {
		stranger, err := newAuthority("Tram unknown CSCA", p.spec)
		if err != nil {
			return signer{}, err
		}
		return stranger.newSigner(p.spec.Signer, time.Now().Add(-5*year), 11*year)
	})
	return p, nil
}

// CSCA returns the CA's certificate in DER: what a reader must trust so that
// the cards of this PKI verify.
func (p *PKI) CSCA() []byte { return append([]byte(nil), p.csca.certificate...) }

// Signer returns the document signer's certificate in DER.
func (p *PKI) Signer() []byte { return append([]byte(nil), p.signer.certificate...) }

// WriteTrust writes the CA's certificate to dir/tram-test-csca.cer. The folder
// is made when it is not there.
func (p *PKI) WriteTrust(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the test CSCA: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tram-test-csca.cer"), p.csca.certificate, 0o644); err != nil {
		return fmt.Errorf("write the test CSCA: %w", err)
	}
	return nil
}

// signerFor returns the signer of a card.
func (p *PKI) signerFor(s settings) (signer, error) {
	switch {
	case s.wrongSigner:
		return p.unknown()
	case s.expired:
		return p.expired()
	case s.revoked:
		return p.revoked()
	}
	return p.signer, nil
}

// CRL returns the CA's revocation list in DER: the signer of RevokedSigner is on
// it and no other (RFC 5280 §5.1, Doc 9303-12 §7.1.4).
func (p *PKI) CRL() ([]byte, error) {
	revoked, err := p.revoked()
	if err != nil {
		return nil, err
	}
	now := time.Now().Add(-time.Hour)
	a := p.csca
	body := sequence(
		integer(1), // version 2
		a.key.signatureAlgorithm(),
		a.name,
		moment(now),
		moment(now.Add(90*24*time.Hour)),
		sequence(sequence(bigInteger(revoked.serial), moment(now.Add(-24*time.Hour)))),
		tagged(0, sequence(
			extension(false, oid(2, 5, 29, 35), sequence(tlv.Encode(0x80, a.key.identifier()))),
			extension(false, oid(2, 5, 29, 20), integer(1)))))
	sig, err := a.key.sign(body)
	if err != nil {
		return nil, fmt.Errorf("make a CRL: %w", err)
	}
	return sequence(body, a.key.signatureAlgorithm(), bitString(sig)), nil
}

func newAuthority(commonName string, spec PKISpec) (authority, error) {
	k, err := newKey(spec.CA)
	if err != nil {
		return authority{}, err
	}
	a := authority{key: k, country: spec.Country, name: name(spec.Country, commonName)}
	from := time.Now().Add(-14 * year)
	a.certificate, err = a.issue(certificate{
		serial: newSerial(), subject: a.name, key: k, from: from, until: from.Add(25 * year),
		extensions: [][]byte{
			extension(true, oid(2, 5, 29, 15), bits(5, 6)),                            // keyCertSign, cRLSign
			extension(true, oid(2, 5, 29, 19), sequence(boolean(), integer(0))),       // a CA, none below it
			extension(false, oid(2, 5, 29, 14), octets(k.identifier())),               // subject key
			extension(false, oid(2, 5, 29, 16), usagePeriod(from, from.Add(20*year))), // private key usage
		},
	})
	return a, err
}

func (a authority) newSigner(spec KeySpec, from time.Time, valid time.Duration) (signer, error) {
	k, err := newKey(spec)
	if err != nil {
		return signer{}, err
	}
	s := signer{key: k, issuer: a.name, serial: newSerial()}
	s.certificate, err = a.issue(certificate{
		serial: s.serial, subject: name(a.country, "Tram test document signer"), key: k, from: from, until: from.Add(valid),
		extensions: [][]byte{
			extension(true, oid(2, 5, 29, 15), bits(0)), // digitalSignature
			extension(false, oid(2, 5, 29, 14), octets(k.identifier())),
			extension(false, oid(2, 5, 29, 16), usagePeriod(from, from.Add(90*24*time.Hour))),
			extension(false, oid(2, 23, 136, 1, 1, 6, 2), // the documents it signs: ID cards
				sequence(integer(0), set(tlv.Encode(tagPrintable, []byte("ID"))))),
		},
	})
	return s, err
}

// certificate is what issue needs to know of one.
type certificate struct {
	serial      *big.Int
	subject     []byte
	key         *key
	from, until time.Time
	extensions  [][]byte
}

// issue returns the certificate, signed by a (RFC 5280, Doc 9303-12 §7).
func (a authority) issue(c certificate) ([]byte, error) {
	algorithm := a.key.signatureAlgorithm()
	authorityKey := extension(false, oid(2, 5, 29, 35), sequence(tlv.Encode(0x80, a.key.identifier())))
	body := sequence(
		tagged(0, integer(2)), // version 3
		bigInteger(c.serial),
		algorithm,
		a.name,
		sequence(moment(c.from), moment(c.until)),
		c.subject,
		c.key.publicKeyInfo(),
		tagged(3, sequence(append([][]byte{authorityKey}, c.extensions...)...)))
	sig, err := a.key.sign(body)
	if err != nil {
		return nil, err
	}
	return sequence(body, algorithm, bitString(sig)), nil
}

func extension(critical bool, id, value []byte) []byte {
	if critical {
		return sequence(id, boolean(), octets(value))
	}
	return sequence(id, octets(value))
}

// bits returns a KeyUsage with the given bits set.
func bits(n ...int) []byte {
	var b byte
	last := 0
	for _, i := range n {
		b |= 0x80 >> i
		last = max(last, i)
	}
	return tlv.Encode(0x03, []byte{byte(7 - last), b})
}

func usagePeriod(from, until time.Time) []byte {
	at := func(tag uint32, t time.Time) []byte {
		return tlv.Encode(tag, []byte(t.UTC().Format("20060102150405Z")))
	}
	return sequence(at(0x80, from), at(0x81, until))
}

// name returns the distinguished name of a test certificate.
func name(country, commonName string) []byte {
	part := func(tag uint32, id []byte, value string) []byte {
		return set(sequence(id, tlv.Encode(tag, []byte(value))))
	}
	return sequence(
		part(tagPrintable, oid(2, 5, 4, 6), country),
		part(tagUTF8, oid(2, 5, 4, 10), "Tram simulator, not genuine"),
		part(tagUTF8, oid(2, 5, 4, 3), commonName))
}

// newSerial returns a random positive serial number of 16 bytes.
func newSerial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] = b[0]&0x7F | 0x40
	return new(big.Int).SetBytes(b[:])
}
