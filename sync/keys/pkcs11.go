package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
)

// tokenURI is a PKCS#11 URI (RFC 7512), as far as it names a key in a token.
type tokenURI struct {
	token, object, id, module, pin string
}

// maxPIN is the largest PIN read from a file, in bytes.
const maxPIN = 256

// parseTokenURI reads what follows "pkcs11:". The PIN stands in a file rather
// than in the reference: references are kept in the enrolment.
func parseTokenURI(s, state string) (tokenURI, error) {
	var u tokenURI
	path, query, _ := strings.Cut(s, "?")
	for _, part := range append(strings.Split(path, ";"), strings.Split(query, "&")...) {
		if part == "" {
			continue
		}
		name, raw, _ := strings.Cut(part, "=")
		value, err := url.PathUnescape(raw)
		if err != nil {
			return u, fmt.Errorf("%w: %s is not percent-encoded as it should be", ErrReference, name)
		}
		switch name {
		case "token":
			u.token = value
		case "object":
			u.object = value
		case "id":
			u.id = value
		case "module-path":
			u.module = value
		case "pin-source":
			file := strings.TrimPrefix(value, "file:")
			if !filepath.IsAbs(file) {
				file = filepath.Join(state, file)
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return u, fmt.Errorf("read the token's PIN: %w", err)
			}
			u.pin = strings.TrimSpace(string(b[:min(len(b), maxPIN)]))
		case "pin-value":
			return u, fmt.Errorf("%w: put the PIN into a file and name it with pin-source", ErrReference)
		case "type":
			if value != "private" {
				return u, fmt.Errorf("%w: type %q, want private", ErrReference, value)
			}
		default:
			return u, fmt.Errorf("%w: attribute %q is not supported", ErrReference, name)
		}
	}
	if u.token == "" || u.object == "" || u.module == "" {
		return u, fmt.Errorf("%w: a pkcs11 URI wants token, object and module-path", ErrReference)
	}
	return u, nil
}

// tokenSigner signs inside a token.
type tokenSigner struct {
	mu      sync.Mutex
	ctx     *pkcs11.Ctx
	session pkcs11.SessionHandle
	key     pkcs11.ObjectHandle
	pub     *ecdsa.PublicKey
	ours    bool // this Open initialised the module
}

func (s *tokenSigner) Public() crypto.PublicKey { return s.pub }

// Sign returns an ASN.1 signature of a digest.
func (s *tokenSigner) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.SignInit(s.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, s.key); err != nil {
		return nil, fmt.Errorf("sign in the token: %w", err)
	}
	sig, err := s.ctx.Sign(s.session, digest)
	if err != nil {
		return nil, fmt.Errorf("sign in the token: %w", err)
	}
	if len(sig) != 64 {
		return nil, fmt.Errorf("sign in the token: %w: a signature of %d bytes", ErrKey, len(sig))
	}
	return encodeSignature(sig[:32], sig[32:])
}

func (s *tokenSigner) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.ctx.CloseSession(s.session)
	if s.ours {
		err = errors.Join(err, s.ctx.Finalize())
	}
	s.ctx.Destroy()
	return err
}

func openPKCS11(rest string, o Options) (*Key, error) {
	u, err := parseTokenURI(rest, o.State)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(u.module); err != nil {
		return nil, fmt.Errorf("PKCS#11 module: %w: %w", ErrNotThere, err)
	}
	s := &tokenSigner{ctx: pkcs11.New(u.module)}
	if s.ctx == nil {
		return nil, fmt.Errorf("PKCS#11 module %s: %w: it does not load", u.module, ErrNotThere)
	}
	switch err := s.ctx.Initialize(); {
	case err == nil:
		s.ours = true
	case errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)):
	default:
		s.ctx.Destroy()
		return nil, fmt.Errorf("PKCS#11 module %s: %w", u.module, err)
	}
	if err := s.open(u, o.Create); err != nil {
		if s.ours {
			_ = s.ctx.Finalize()
		}
		s.ctx.Destroy()
		return nil, fmt.Errorf("token %s: %w", u.token, err)
	}
	return &Key{Signer: s, close: s.close}, nil
}

// open logs in and finds the key, or makes it.
func (s *tokenSigner) open(u tokenURI, create bool) error {
	slot, err := s.slot(u.token)
	if err != nil {
		return err
	}
	flags := uint(pkcs11.CKF_SERIAL_SESSION)
	if create {
		flags |= pkcs11.CKF_RW_SESSION
	}
	if s.session, err = s.ctx.OpenSession(slot, flags); err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	err = s.ctx.Login(s.session, pkcs11.CKU_USER, u.pin)
	if err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		return fmt.Errorf("log in: %w", err)
	}
	public, err := s.find(pkcs11.CKO_PUBLIC_KEY, u)
	if errors.Is(err, ErrNotThere) && create {
		if err := s.create(u); err != nil {
			return fmt.Errorf("make the key: %w", err)
		}
		public, err = s.find(pkcs11.CKO_PUBLIC_KEY, u)
	}
	if err != nil {
		return err
	}
	if s.key, err = s.find(pkcs11.CKO_PRIVATE_KEY, u); err != nil {
		return err
	}
	return s.readPublic(public)
}

func (s *tokenSigner) slot(label string) (uint, error) {
	slots, err := s.ctx.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list the tokens: %w", err)
	}
	for _, slot := range slots {
		if info, err := s.ctx.GetTokenInfo(slot); err == nil && strings.TrimRight(info.Label, " \x00") == label {
			return slot, nil
		}
	}
	return 0, ErrNotThere
}

func (u tokenURI) attributes(class uint) []*pkcs11.Attribute {
	list := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.object)}
	if u.id != "" {
		list = append(list, pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(u.id)))
	}
	return list
}

func (s *tokenSigner) find(class uint, u tokenURI) (pkcs11.ObjectHandle, error) {
	if err := s.ctx.FindObjectsInit(s.session, u.attributes(class)); err != nil {
		return 0, fmt.Errorf("look for the key: %w", err)
	}
	found, _, err := s.ctx.FindObjects(s.session, 2)
	if ferr := s.ctx.FindObjectsFinal(s.session); err == nil {
		err = ferr
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("look for the key: %w", err)
	case len(found) == 0:
		return 0, fmt.Errorf("key %s: %w", u.object, ErrNotThere)
	case len(found) > 1:
		return 0, fmt.Errorf("key %s: %w: there are several; name one by its id", u.object, ErrKey)
	}
	return found[0], nil
}

// p256 is prime256v1 as an ASN.1 object identifier.
var p256 = []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}

func (s *tokenSigner) create(u tokenURI) error {
	id := []byte(u.id)
	if len(id) == 0 {
		id = []byte(u.object)
	}
	common := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.object), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	public := append([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true)}, common...)
	private := append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
	}, common...)
	_, _, err := s.ctx.GenerateKeyPair(s.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)}, public, private)
	return err
}

// readPublic reads the point, which tokens give as an octet string or bare.
func (s *tokenSigner) readPublic(object pkcs11.ObjectHandle) error {
	attrs, err := s.ctx.GetAttributeValue(s.session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil || len(attrs) != 1 {
		return fmt.Errorf("read the public key: %w", errors.Join(ErrKey, err))
	}
	point := attrs[0].Value
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	if s.pub, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
		return fmt.Errorf("%w: its point is not on P-256", ErrKey)
	}
	return nil
}
