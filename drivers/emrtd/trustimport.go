package emrtd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TrustFile is a file to import: certificates or revocation lists in DER or PEM, a
// CSCA master list, or an LDIF of the ICAO PKD with any of them.
type TrustFile struct {
	Name    string
	Content []byte
}

// ImportOptions say what an import may do.
type ImportOptions struct {
	// Signers, when set, are the SHA-256 fingerprints (hexadecimal) of the authorities
	// whose master lists are taken; any other list is refused.
	Signers []string
	Now     time.Time
}

// Refusal is something that was not imported, and why.
type Refusal struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
}

// Imported is what became of one file.
type Imported struct {
	File         string            `json:"file"`
	Kind         string            `json:"kind"` // "certificate", "master-list", "revocation-list", "ldif", "mixed"; "" when refused whole
	Certificates int               `json:"certificates"`
	New          int               `json:"new"`
	Known        int               `json:"known"` // already there
	Lists        []*ListSigner     `json:"masterLists,omitempty"`
	Revocations  []RevocationInfo  `json:"crls,omitempty"`
	Countries    map[string]int    `json:"countries"`
	Skipped      map[string]int    `json:"skipped,omitempty"`
	Refused      []Refusal         `json:"refused"`
	Found        []CertificateInfo `json:"-"`
	Err          error             `json:"-"` // the file was refused whole
}

// Errors of an import, in Imported.Err.
var (
	ErrNotTrustFile = errors.New("neither certificate, revocation list, master list nor LDIF")
	ErrListRefused  = errors.New("the master list is refused")
)

// importing is one import.
type importing struct {
	store    *Trust                     // what is there, and what came so far
	before   *Trust                     // what was there
	given    *Trust                     // certificates that the operator gives in files of their own
	index    map[string]trustNote       // notes
	files    map[string][]byte          // to write
	obsolete map[string]*revocationList // replaced lists, by file
	opt      ImportOptions
}

// Import adds files to the store, in an order that lets each be judged by the
// others: certificates that the operator gives, then master lists, then revocation lists.
// A file that is refused does not hinder the others; the result has one entry for
// each file. The error is one of the store itself.
func (s *TrustStore) Import(files []TrustFile, opt ImportOptions) ([]Imported, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	store, err := LoadTrust(s.dir)
	if err != nil {
		return nil, err
	}
	index, err := readTrustIndex(s.dir)
	if err != nil {
		return nil, fmt.Errorf("load the trust store: %w", err)
	}
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	im := &importing{store: store, before: store.clone(), given: &Trust{}, index: index, files: map[string][]byte{}, obsolete: map[string]*revocationList{}, opt: opt}
	out := make([]Imported, len(files))
	parts := make([]*trustParts, len(files))
	for i, f := range files {
		out[i] = Imported{File: f.Name, Countries: map[string]int{}, Refused: []Refusal{}, Skipped: map[string]int{}}
		if parts[i], err = takeApart(f.Content); err != nil {
			out[i].refuse(err)
			continue
		}
		out[i].Kind = parts[i].kind()
		for _, c := range parts[i].certificates {
			im.given.take(c)
		}
	}
	for _, step := range []func(*trustParts, *Imported){im.certificates, im.lists, im.revocations} {
		for i, p := range parts {
			if p != nil {
				step(p, &out[i])
			}
		}
	}
	if len(im.files) == 0 {
		return out, nil
	}
	if err := s.write(im.files, im.index); err != nil {
		return nil, fmt.Errorf("write the trust store: %w", err)
	}
	for name, l := range im.obsolete {
		if err := s.removeFrom(name, l.fingerprint()); err != nil {
			return nil, fmt.Errorf("write the trust store: %w", err)
		}
	}
	return out, nil
}

func (i *Imported) refuse(err error) {
	i.Err = err
	i.Refused = append(i.Refused, Refusal{Item: i.File, Reason: err.Error()})
}

// certificates takes what the operator gave in files.
func (im *importing) certificates(p *trustParts, out *Imported) {
	for _, c := range p.certificates {
		if p.ldif && c.kind() != kindAuthority && c.kind() != kindLink {
			out.Skipped["document signers, which documents bring themselves"]++
			continue
		}
		if reason := im.misfit(c); reason != "" {
			out.Refused = append(out.Refused, Refusal{Item: c.fingerprint(), Reason: reason})
			continue
		}
		im.keep(c, trustNote{Origin: OriginFile}, out)
	}
	for reason, n := range p.unreadable {
		out.Refused = append(out.Refused, Refusal{Item: fmt.Sprintf("%d entries", n), Reason: reason})
	}
}

// misfit says why a certificate that was given by itself is not taken: its own
// signature is wrong, or that of the authority that it names.
func (im *importing) misfit(c *certificate) string {
	if !c.mayIssue() {
		return "" // a document signer: the operator vouches for it
	}
	if c.kind() == kindAuthority && !c.selfSigned() && c.keyErr == nil {
		for _, i := range slices.Concat(im.store.issuers(c), im.given.issuers(c)) {
			if i != c && c.signedBy(i) == nil {
				return ""
			}
		}
		return "it names itself as its issuer, and its signature does not fit its key"
	}
	if c.kind() == kindLink {
		named := false
		for _, i := range slices.Concat(im.store.issuers(c), im.given.issuers(c)) {
			if len(c.issuerID) == 0 || !bytes.Equal(c.issuerID, i.keyID) || i == c {
				continue
			}
			if c.signedBy(i) == nil {
				return ""
			}
			named = true
		}
		if named {
			return "the authority that it names did not sign it"
		}
	}
	return ""
}

// lists takes master lists, each whole or not at all.
func (im *importing) lists(p *trustParts, out *Imported) {
	for _, m := range p.lists {
		signer, err := m.verify(im.before, im.given, im.opt.Now)
		if err == nil && signer.VouchedBy == VouchedByStore {
			// An authority that this list itself brought earlier is no one else's word.
			if note := im.index[signer.Authority.ID]; note.Origin == OriginList && note.Signer == signer.Authority.ID {
				signer.VouchedBy = VouchedByList
			}
		}
		if err == nil && len(im.opt.Signers) > 0 && !slices.ContainsFunc(im.opt.Signers, signer.is) {
			err = errors.New("its signer's authority is not one of those accepted")
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrListRefused, err)
			if len(p.lists) == 1 && len(p.certificates) == 0 {
				out.refuse(err)
			} else {
				out.Err = err
				out.Refused = append(out.Refused, Refusal{Item: "master list", Reason: err.Error()})
			}
			continue
		}
		out.Lists = append(out.Lists, signer)
		out.Refused = append(out.Refused, m.refused...)
		for _, c := range m.certificates {
			im.keep(c, trustNote{Origin: OriginList, Signer: signer.Authority.ID}, out)
		}
	}
}

// is reports whether fingerprint is that of the signer or of its authority.
func (s *ListSigner) is(fingerprint string) bool {
	f := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(fingerprint))
	return f == s.Authority.ID || f == s.Certificate.ID
}

// keep adds a certificate to what is written, unless it is there.
func (im *importing) keep(c *certificate, note trustNote, out *Imported) {
	id := c.fingerprint()
	info := c.info()
	info.Source, info.Signer, info.File = note.Origin, note.Signer, id+".cer"
	out.Certificates++
	out.Countries[cmp.Or(info.Country, "?")]++
	own := im.store.find(c)
	if own != nil {
		// What the operator gives by hand counts for more than what a list said.
		if own.origin == OriginList && note.Origin == OriginFile {
			own.origin, im.index[id] = OriginFile, note
			im.files[id+".cer"] = c.raw
		}
		info.Source, info.Signer, info.File = own.origin, im.index[id].Signer, own.file
		out.Known++
		out.Found = append(out.Found, info)
		return
	}
	c.origin, c.file = note.Origin, info.File
	im.store.take(c)
	im.index[id] = note
	im.files[info.File] = c.raw
	out.New++
	out.Found = append(out.Found, info)
}

// revocations takes revocation lists that an authority of the store signed and that
// are not older than what is there.
func (im *importing) revocations(p *trustParts, out *Imported) {
	for _, l := range p.revocations {
		err := im.revocation(l, out)
		if err != nil {
			err = fmt.Errorf("the revocation list of %s: %w", nameString(l.issuer), err)
			out.Refused = append(out.Refused, Refusal{Item: l.fingerprint(), Reason: err.Error()})
			if len(p.certificates)+len(p.lists) == 0 && len(out.Revocations) == 0 {
				out.Err = err
			}
		}
	}
}

// Reasons for which a revocation list is not taken.
var (
	errPartial  = errors.New("it holds only a part of what is revoked")
	errNoSigner = errors.New("no authority in the trust store signed it")
	errOlder    = errors.New("a newer one is in the trust store")
)

func (im *importing) revocation(l *revocationList, out *Imported) error {
	if l.partial {
		return errPartial
	}
	signer := im.store.findSigner(l)
	if signer == nil {
		return errNoSigner
	}
	info := l.info()
	info.Signer, info.File = signer.fingerprint(), info.ID+".crl"
	for _, other := range im.store.lists {
		if other.from != l.from || !bytes.Equal(other.issuerID, l.issuerID) || im.obsolete[other.file] == other {
			continue
		}
		if bytes.Equal(other.raw, l.raw) {
			info.File = other.file
			out.Known++
			out.Revocations = append(out.Revocations, info)
			return nil
		}
		if im.store.findSigner(other) == nil {
			continue
		}
		if !l.newerThan(other) {
			return errOlder
		}
		if _, pending := im.files[other.file]; pending {
			delete(im.files, other.file)
		} else {
			im.obsolete[other.file] = other
		}
	}
	l.file = info.File
	im.store.lists = append(im.store.lists, l)
	im.files[info.File] = l.raw
	out.New++
	out.Revocations = append(out.Revocations, info)
	return nil
}

// Countries counts the certificates of an import by country, each once.
func Countries(certs []CertificateInfo) map[string]int {
	out, seen := map[string]int{}, map[string]bool{}
	for _, c := range certs {
		if !seen[c.ID] {
			seen[c.ID] = true
			out[cmp.Or(c.Country, "?")]++
		}
	}
	return out
}
