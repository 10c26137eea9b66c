package emrtd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/tlv"
	"tram/testdata"
)

// desk is a trust store in a folder of its own.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) desk { return desk{t, filepath.Join(t.TempDir(), "trust")} }

func (d desk) importing(opt emrtd.ImportOptions, files ...emrtd.TrustFile) []emrtd.Imported {
	d.t.Helper()
	got, err := emrtd.OpenTrustStore(d.dir).Import(files, opt)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(got) != len(files) {
		d.t.Fatalf("%d results for %d files", len(got), len(files))
	}
	return got
}

func (d desk) give(files ...[]byte) []emrtd.Imported {
	d.t.Helper()
	var list []emrtd.TrustFile
	for _, b := range files {
		list = append(list, emrtd.TrustFile{Name: "file", Content: b})
	}
	return d.importing(emrtd.ImportOptions{}, list...)
}

func (d desk) taken(files ...[]byte) {
	d.t.Helper()
	for _, i := range d.give(files...) {
		if i.Err != nil || len(i.Refused) > 0 {
			d.t.Fatalf("refused: %v %v", i.Err, i.Refused)
		}
	}
}

func (d desk) refused(want string, b []byte) {
	d.t.Helper()
	before := d.names()
	i := d.give(b)[0]
	if len(i.Refused) == 0 || !strings.Contains(i.Refused[0].Reason, want) {
		d.t.Errorf("got %v, want a refusal with %q", i.Refused, want)
	}
	if after := d.names(); !maps.Equal(before, after) {
		d.t.Errorf("the store changed: %v, then %v", before, after)
	}
}

func (d desk) names() map[string]bool {
	d.t.Helper()
	out := map[string]bool{}
	entries, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		out[e.Name()] = true
		if strings.HasPrefix(e.Name(), ".") {
			d.t.Errorf("%s was left behind", e.Name())
		}
	}
	return out
}

func (d desk) trust() *emrtd.Trust {
	d.t.Helper()
	tr, err := emrtd.LoadTrust(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	return tr
}

func (d desk) expect(files emrtd.Files, want emrtd.Answer) {
	d.t.Helper()
	if v := emrtd.Verify(files, d.trust(), time.Now()); v.Chain != want {
		d.t.Errorf("chain: got %s (%s), want %s", v.Chain, v.Detail["chain"], want)
	}
}

func masterListFile(t *testing.T, name string) emrtd.TrustFile {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata.Shared(t, "emrtd/master_lists"), name))
	if err != nil {
		t.Fatal(err)
	}
	return emrtd.TrustFile{Name: name, Content: b}
}

func TestTheMasterListsAreImportedByCountry(t *testing.T) {
	de, nl := masterListFile(t, "DE_ML_2026-05-28-08-28-45.ml"), masterListFile(t, "NL_ML_2026-07-22.ml")
	d := newDesk(t)
	got := d.importing(emrtd.ImportOptions{}, de, nl)
	for i, want := range []struct {
		certificates, countries, fresh, vn, de int
	}{{588, 112, 588, 1, 9}, {411, 129, 39, 1, 5}} {
		g := got[i]
		if g.Kind != "master-list" || g.Err != nil || len(g.Refused) != 0 || g.Certificates != want.certificates || len(g.Countries) != want.countries ||
			g.New != want.fresh || g.Countries["VN"] != want.vn || g.Countries["DE"] != want.de {
			t.Errorf("%s: %s, %d certificates, %d countries, %d new, VN %d, DE %d, refused %v %v", g.File, g.Kind, g.Certificates, len(g.Countries), g.New, g.Countries["VN"], g.Countries["DE"], g.Refused, g.Err)
		}
		if len(g.Lists) != 1 || g.Lists[0].VouchedBy != emrtd.VouchedByList || g.Lists[0].Authority == nil {
			t.Errorf("%s: signer %+v", g.File, g.Lists)
		}
	}
	certs, _, err := emrtd.OpenTrustStore(d.dir).List()
	if err != nil || len(certs) != 627 || len(emrtd.Countries(certs)) != 129 || d.trust().Len() != 627 {
		t.Fatalf("%d certificates, %v", len(certs), err)
	}
	for _, c := range certs {
		if c.Country == "VN" && (c.Serial != "506f1357a3a196c24dc32cf464140cae" || c.Kind != "csca" || c.Key != "EC brainpoolP512r1" ||
			c.ID != "6b5fa6fe45cc4e855a73760413e08b7a9ac50a27722c702f3909a90facc991bd" || c.Source != emrtd.OriginList) {
			t.Errorf("VN: %+v", c)
		}
	}
	again := d.importing(emrtd.ImportOptions{}, de)[0]
	if again.New != 0 || again.Known != 588 || again.Lists[0].VouchedBy != emrtd.VouchedByList {
		t.Errorf("again: %d new, %d known, vouched for by %s", again.New, again.Known, again.Lists[0].VouchedBy)
	}
}

func TestWhoVouchesForAMasterListIsSaid(t *testing.T) {
	list, root := masterListFile(t, "NL_ML_2026-07-22.ml"), masterListFile(t, "NL_ROOT_CA.cer")
	d := newDesk(t)
	if got := d.importing(emrtd.ImportOptions{}, list, root)[0]; len(got.Lists) != 1 || got.Lists[0].VouchedBy != emrtd.VouchedByFile {
		t.Errorf("with its root beside it: %+v", got.Lists)
	}
	if got := d.importing(emrtd.ImportOptions{}, list)[0]; len(got.Lists) != 1 || got.Lists[0].VouchedBy != emrtd.VouchedByStore {
		t.Errorf("with its root in the store: %+v", got.Lists)
	}
	const authority = "41:13:56:D2:06:B9:9D:A1:5E:FA:DF:4B:84:14:9F:86:00:EE:62:60:C6:72:7C:D6:BC:23:0D:6B:6E:15:1A:24"
	if got := newDesk(t).importing(emrtd.ImportOptions{Signers: []string{authority}}, list)[0]; got.Err != nil || got.New != 411 {
		t.Errorf("accepted by name: %d new, %v", got.New, got.Err)
	}
	if got := newDesk(t).importing(emrtd.ImportOptions{Signers: []string{strings.Repeat("0", 64)}}, list)[0]; !errors.Is(got.Err, emrtd.ErrListRefused) || got.Certificates != 0 {
		t.Errorf("another signer is wanted: %d certificates, %v", got.Certificates, got.Err)
	}
}

func TestAChangedMasterListIsRefusedWhole(t *testing.T) {
	list := masterListFile(t, "NL_ML_2026-07-22.ml").Content
	for _, at := range []int{200_000, len(list) - 5} {
		changed := bytes.Clone(list)
		changed[at] ^= 1
		newDesk(t).refused("master list", changed)
	}
}

// masterList signs a list of certificates with the issuer's signer.
func (i *issuer) masterList(extension string, certs ...[]byte) []byte {
	i.t.Helper()
	i.write("ml.ext", []byte("keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"+extension))
	i.openssl("x509", "-req", "-in", "ds.csr", "-CA", "csca.pem", "-CAkey", "csca.key", "-"+i.kind.hash, "-days", "30", "-set_serial", "815", "-extfile", "ml.ext", "-out", "ml.pem")
	i.write("list.der", tlv.Encode(0x30, []byte{2, 1, 0}, tlv.Encode(0x31, certs...)))
	i.openssl("cms", "-sign", "-binary", "-nodetach", "-econtent_type", "2.23.136.1.1.2", "-in", "list.der", "-outform", "DER", "-out", "list.ml", "-signer", "ml.pem", "-inkey", "ds.key", "-md", i.kind.hash, "-nosmimecap")
	return i.read("list.ml")
}

func (i *issuer) der(name string) []byte {
	i.t.Helper()
	block, _ := pem.Decode(i.read(name))
	if block == nil {
		i.t.Fatalf("%s is no PEM", name)
	}
	return block.Bytes
}

const listSigner = "extendedKeyUsage=critical,2.23.136.1.1.3\n"

func TestOnlyAMasterListSignerOfAKnownAuthoritySignsMasterLists(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	ca, other := newIssuer(t, k).authority(), newIssuer(t, k).authority()
	alone := ca.masterList(listSigner, other.der("csca.pem"))
	newDesk(t).refused("leads to no authority", alone)
	newDesk(t).refused("may not sign master lists", ca.masterList("", ca.der("csca.pem"), other.der("csca.pem")))
	newDesk(t).taken(ca.masterList(listSigner, ca.der("csca.pem"), other.der("csca.pem")))
	d := newDesk(t)
	d.taken(ca.read("csca.pem"))
	d.taken(alone)
	files := chipFiles()
	files[emrtd.EFSOD] = other.sod(0, oidSHA256, files, with(sha256.New))
	d.expect(files, emrtd.Trusted)

	odd := newDesk(t)
	got := odd.give(ca.masterList(listSigner, ca.der("csca.pem"), tlv.Encode(0x30, []byte{5, 0})))[0]
	if got.Err != nil || got.New != 1 || len(got.Refused) != 1 {
		t.Errorf("one unreadable certificate: %d new, refused %v, %v", got.New, got.Refused, got.Err)
	}
}

func TestAMasterListSignerSignsNoDocuments(t *testing.T) {
	ca := newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")).authority()
	ca.masterList(listSigner, ca.der("csca.pem"))
	ca.write("ds.pem", ca.read("ml.pem"))
	files := chipFiles()
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
	expect(t, emrtd.Verify(files, trust(t, ca.read("csca.pem")), time.Now()), "ok ok failed not_supported not_supported none")
}

// A list may be of a signer who has been revoked since.
func TestARevokedListSignerIsRefused(t *testing.T) {
	ca := newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")).authority()
	list := ca.masterList(listSigner, ca.der("csca.pem"))
	ca.revokeFile("ml.pem", "01", "list.crl")
	d := newDesk(t)
	d.taken(ca.read("csca.pem"), ca.read("list.crl"))
	d.refused("revoked", list)
}

// revokeFile makes a revocation list with a number that names a certificate.
func (i *issuer) revokeFile(cert, number, out string) {
	i.t.Helper()
	i.write("index.txt", nil)
	i.write("crlnumber", []byte(number+"\n"))
	i.write("ca.cnf", []byte("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md="+i.kind.hash+"\ndefault_crl_days=30\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n"))
	if cert != "" {
		i.openssl("ca", "-config", "ca.cnf", "-revoke", cert, "-cert", "csca.pem", "-keyfile", "csca.key")
	}
	i.openssl("ca", "-config", "ca.cnf", "-gencrl", "-cert", "csca.pem", "-keyfile", "csca.key", "-out", "list.pem")
	i.openssl("crl", "-in", "list.pem", "-outform", "DER", "-out", out)
}

func TestAStoredRevocationChangesTheChain(t *testing.T) {
	ca := newIssuer(t, ecKind("brainpoolP256r1", "explicit", "sha256")).authority()
	files := chipFiles()
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
	ca.revokeFile("", "05", "empty.crl")
	ca.revokeFile("ds.pem", "06", "revoking.crl")
	d := newDesk(t)
	d.refused("no authority in the trust store signed it", ca.read("revoking.crl"))
	d.taken(ca.read("csca.pem"), ca.read("empty.crl"))
	d.expect(files, emrtd.Trusted)
	forged := bytes.Clone(ca.read("revoking.crl"))
	forged[len(forged)-1] ^= 1
	d.refused("no authority", forged)
	d.taken(ca.read("revoking.crl"))
	d.expect(files, emrtd.Revoked)
	d.refused("newer", ca.read("empty.crl"))
	d.expect(files, emrtd.Revoked)
	_, lists, err := emrtd.OpenTrustStore(d.dir).List()
	if err != nil || len(lists) != 1 || lists[0].Number != "6" || lists[0].Revoked != 1 || lists[0].Signer == "" {
		t.Fatalf("lists: %+v, %v", lists, err)
	}
	if _, err := emrtd.OpenTrustStore(d.dir).Remove(lists[0].ID[:12]); err != nil {
		t.Fatal(err)
	}
	d.expect(files, emrtd.Trusted)
}

// next makes the authority's next key, a certificate of it signed by itself and one
// signed by the key before (the link), and puts a document signer under it.
func (i *issuer) next(subject string) (link, self []byte) {
	i.t.Helper()
	k := i.kind
	i.openssl(append(append([]string{"genpkey"}, k.key...), "-out", "next.key")...)
	i.openssl("req", "-new", "-key", "next.key", "-"+k.hash, "-out", "next.csr", "-subj", subject)
	i.write("ca.ext", []byte("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"))
	i.openssl("x509", "-req", "-in", "next.csr", "-CA", "csca.pem", "-CAkey", "csca.key", "-"+k.hash, "-days", "900", "-set_serial", "7", "-extfile", "ca.ext", "-out", "link.pem")
	i.openssl("x509", "-req", "-in", "next.csr", "-signkey", "next.key", "-"+k.hash, "-days", "900", "-set_serial", "8", "-extfile", "ca.ext", "-out", "self.pem")
	i.openssl("x509", "-req", "-in", "ds.csr", "-CA", "self.pem", "-CAkey", "next.key", "-"+k.hash, "-days", "90", "-set_serial", "4712", "-extfile", "ds.ext", "-out", "ds.pem")
	return i.read("link.pem"), i.read("self.pem")
}

func TestALinkCertificateLeadsFromTheNewKeyToTheOld(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	for name, subject := range map[string]string{"same name": "/C=UT/O=Test/CN=CSCA", "new name": "/C=UT/O=Test/CN=CSCA 2"} {
		t.Run(name, func(t *testing.T) {
			ca, other := newIssuer(t, k).authority(), newIssuer(t, k).authority()
			old := ca.read("csca.pem")
			link, self := ca.next(subject)
			files := chipFiles()
			files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
			d := newDesk(t)
			d.taken(link)
			d.expect(files, emrtd.UnknownCA) // nobody vouches for a link alone
			d.taken(old)
			d.expect(files, emrtd.Trusted)

			d = newDesk(t)
			d.taken(self)
			d.expect(files, emrtd.Trusted)

			block, _ := pem.Decode(link)
			forged := block.Bytes
			forged[len(forged)-1] ^= 1
			d = newDesk(t)
			d.taken(old)
			d.refused("did not sign it", forged)
			d.expect(files, emrtd.UnknownCA)
			// Neither does a forged one count that was put into the folder by hand.
			if err := os.WriteFile(filepath.Join(d.dir, "link.cer"), forged, 0o600); err != nil {
				t.Fatal(err)
			}
			if v := emrtd.Verify(files, d.trust(), time.Now()); v.Chain == emrtd.Trusted {
				t.Error("a forged link certificate leads to trust")
			}
			d = newDesk(t)
			d.taken(link, other.read("csca.pem"))
			d.expect(files, emrtd.UnknownCA)
		})
	}
}

// An authority signs its list with its newest key, also for what older keys issued.
func TestARevocationListOfTheNextKeyNamesSignersOfTheOld(t *testing.T) {
	ca := newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")).authority()
	files := chipFiles()
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
	old, signer := ca.read("csca.pem"), ca.read("ds.pem")
	link, self := ca.next("/C=UT/O=Test/CN=CSCA")
	ca.write("csca.pem", self)
	ca.write("csca.key", ca.read("next.key"))
	ca.write("old-ds.pem", signer)
	ca.revokeFile("old-ds.pem", "02", "next.crl")
	d := newDesk(t)
	d.taken(old)
	d.refused("no authority", ca.read("next.crl"))
	d.taken(link, ca.read("next.crl"))
	d.expect(files, emrtd.Revoked)
}

func TestCertificatesComeInManyForms(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	a, b := newIssuer(t, k).authority(), newIssuer(t, k).authority()
	d := newDesk(t)
	both := append(a.read("csca.pem"), b.read("csca.pem")...)
	if got := d.give(both)[0]; got.New != 2 || got.Kind != "certificate" || got.Countries["UT"] != 2 {
		t.Errorf("two in one PEM: %+v", got)
	}
	if got := d.give(a.der("csca.pem"))[0]; got.New != 0 || got.Known != 1 {
		t.Errorf("the same in DER: %+v", got)
	}
	ldif := "version: 1\n\ndn: c=UT\nobjectClass: top\n\ndn: cn=CSCA,c=UT\ncACertificate;binary:: " + fold(base64.StdEncoding.EncodeToString(a.der("csca.pem"))) +
		"\n\ndn: cn=signer,c=UT\nuserCertificate;binary:: " + fold(base64.StdEncoding.EncodeToString(a.der("ds.pem"))) + "\n"
	if got := newDesk(t).give([]byte(ldif))[0]; got.Kind != "ldif" || got.New != 1 || len(got.Skipped) != 1 {
		t.Errorf("LDIF: %+v", got)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "a key": a.read("csca.key"), "DER of something": {0x30, 3, 2, 1, 1}} {
		if got := newDesk(t).give(bad)[0]; !errors.Is(got.Err, emrtd.ErrNotTrustFile) {
			t.Errorf("%s: %v", name, got.Err)
		}
	}
	forged := a.der("csca.pem")
	forged[len(forged)-1] ^= 1
	newDesk(t).refused("does not fit its key", forged)
}

func fold(s string) string {
	var lines []string
	for len(s) > 70 {
		lines, s = append(lines, s[:70]), s[70:]
	}
	return strings.Join(append(lines, s), "\n ")
}

func TestRemovingIsByTheBeginningOfAnID(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	a, b := newIssuer(t, k).authority(), newIssuer(t, k).authority()
	d := newDesk(t)
	d.taken(a.read("csca.pem"))
	// A file that the operator put there by hand, with two certificates.
	if err := os.WriteFile(filepath.Join(d.dir, "mine.pem"), append(b.read("csca.pem"), b.read("ds.pem")...), 0o600); err != nil {
		t.Fatal(err)
	}
	store := emrtd.OpenTrustStore(d.dir)
	certs, _, err := store.List()
	if err != nil || len(certs) != 3 {
		t.Fatalf("%d certificates, %v", len(certs), err)
	}
	for _, prefix := range []string{"", "abc", "not-one-of-them"} {
		if _, err := store.Remove(prefix); !errors.Is(err, emrtd.ErrNotInStore) {
			t.Errorf("remove %q: %v", prefix, err)
		}
	}
	for i, c := range certs {
		if id, err := store.Remove(strings.ToUpper(c.ID[:16])); err != nil || id != c.ID {
			t.Fatalf("remove %s: %s, %v", c.ID, id, err)
		}
		if left, _, err := store.List(); err != nil || len(left) != len(certs)-1-i {
			t.Errorf("%d left, %v", len(left), err)
		}
	}
	if left := d.names(); left["mine.pem"] || len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
