package emrtd_test

import (
	"encoding/asn1"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/tlv"
)

// issuer is an authority and a document signer made with OpenSSL, the foreign
// peer of the verifier.
type issuer struct {
	t        testing.TB
	dir      string
	kind     kind
	caDays   string
	signDays string
}

// kind is the keys and signatures of an issuer.
type kind struct {
	name    string
	key     []string // arguments of openssl genpkey
	hash    string
	options []string // arguments of x509 and req: -sigopt
	cms     []string // arguments of cms: -keyopt
}

func ecKind(curve, form, hash string) kind {
	return kind{name: curve + " " + form + " " + hash, hash: hash,
		key: []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-pkeyopt", "ec_param_enc:" + form}}
}

var rsaKey = []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}

func pssKind(hash, mgf, salt string) kind {
	opts := []string{"rsa_padding_mode:pss", "rsa_mgf1_md:" + mgf, "rsa_pss_saltlen:" + salt}
	k := kind{name: "RSA-PSS " + hash + " " + mgf + " " + salt, key: rsaKey, hash: hash}
	for _, o := range opts {
		k.options = append(k.options, "-sigopt", o)
		k.cms = append(k.cms, "-keyopt", o)
	}
	return k
}

func newIssuer(t testing.TB, k kind) *issuer {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	return &issuer{t: t, dir: t.TempDir(), kind: k, caDays: "3650", signDays: "365"}
}

func (i *issuer) openssl(args ...string) {
	i.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = i.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		i.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (i *issuer) write(name string, content []byte) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, name), content, 0o600); err != nil {
		i.t.Fatal(err)
	}
}

func (i *issuer) read(name string) []byte {
	i.t.Helper()
	b, err := os.ReadFile(filepath.Join(i.dir, name))
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

// authority makes the CSCA and the signer.
func (i *issuer) authority() *issuer {
	i.t.Helper()
	k := i.kind
	for _, name := range []string{"csca", "ds"} {
		i.openssl(append(append([]string{"genpkey"}, k.key...), "-out", name+".key")...)
	}
	i.openssl(append([]string{"req", "-x509", "-new", "-key", "csca.key", "-" + k.hash, "-days", i.caDays, "-out", "csca.pem",
		"-subj", "/C=UT/O=Test/CN=CSCA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"}, k.options...)...)
	i.openssl("req", "-new", "-key", "ds.key", "-"+k.hash, "-out", "ds.csr", "-subj", "/C=ut/O=Test/CN=Signer")
	i.write("ds.ext", []byte("keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"))
	i.openssl(append([]string{"x509", "-req", "-in", "ds.csr", "-CA", "csca.pem", "-CAkey", "csca.key", "-" + k.hash, "-days", i.signDays,
		"-set_serial", "4711", "-extfile", "ds.ext", "-out", "ds.pem"}, k.options...)...)
	return i
}

// sod signs the hashes of files.
func (i *issuer) sod(version int, hashOID asn1.ObjectIdentifier, files emrtd.Files, sum func([]byte) []byte, more ...string) []byte {
	i.t.Helper()
	var hashes [][]byte
	for _, id := range files.IDs() {
		if n := id.Group(); n > 0 {
			hashes = append(hashes, tlv.Encode(0x30, []byte{2, 1, byte(n)}, tlv.Encode(4, sum(files[id]))))
		}
	}
	oid, err := asn1.Marshal(hashOID)
	if err != nil {
		i.t.Fatal(err)
	}
	parts := [][]byte{{2, 1, byte(version)}, tlv.Encode(0x30, oid, []byte{5, 0}), tlv.Encode(0x30, hashes...)}
	if version == 1 {
		parts = append(parts, tlv.Encode(0x30, tlv.Encode(0x13, []byte("0108")), tlv.Encode(0x13, []byte("040000"))))
	}
	i.write("lds.der", tlv.Encode(0x30, parts...))
	i.openssl(append(append([]string{"cms", "-sign", "-binary", "-nodetach", "-econtent_type", "2.23.136.1.1.1", "-in", "lds.der", "-outform", "DER",
		"-out", "sod.der", "-signer", "ds.pem", "-inkey", "ds.key", "-md", i.kind.hash, "-nosmimecap"}, i.kind.cms...), more...)...)
	return tlv.Encode(0x77, i.read("sod.der"))
}

// revoke makes a revocation list that names the signer.
func (i *issuer) revoke() {
	i.t.Helper()
	i.write("index.txt", nil)
	i.write("crlnumber", []byte("01\n"))
	i.write("ca.cnf", []byte("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md="+i.kind.hash+"\ndefault_crl_days=30\n"))
	i.openssl("ca", "-config", "ca.cnf", "-revoke", "ds.pem", "-cert", "csca.pem", "-keyfile", "csca.key")
	i.openssl("ca", "-config", "ca.cnf", "-gencrl", "-cert", "csca.pem", "-keyfile", "csca.key", "-out", "list.pem")
	i.openssl("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")
}
