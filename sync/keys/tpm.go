package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// defaultTPM is the kernel's resource manager, which several programs may share.
const defaultTPM = "/dev/tpmrm0"

// Persistent handles that an owner may use (TPM 2.0 Part 2, 7.5; the TCG's
// registry gives 0x81800000 and above to the platform).
const (
	firstHandle = 0x81000000
	lastHandle  = 0x817fffff
)

// tpmSigner signs inside a TPM; the private key never leaves it.
type tpmSigner struct {
	mu  sync.Mutex
	tpm transport.TPMCloser
	key tpm2.NamedHandle
	pub *ecdsa.PublicKey
}

func (s *tpmSigner) Public() crypto.PublicKey { return s.pub }

// Sign returns an ASN.1 signature of a SHA-256 digest.
func (s *tpmSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != 32 {
		return nil, fmt.Errorf("sign in the TPM: %w: it signs SHA-256 digests only", ErrKey)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, err := tpm2.Sign{
		KeyHandle:  s.key,
		Digest:     tpm2.TPM2BDigest{Buffer: digest},
		InScheme:   ecdsaScheme(),
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(s.tpm)
	if err != nil {
		return nil, fmt.Errorf("sign in the TPM: %w", err)
	}
	sig, err := answer.Signature.Signature.ECDSA()
	if err != nil {
		return nil, fmt.Errorf("sign in the TPM: %w", err)
	}
	return encodeSignature(sig.SignatureR.Buffer, sig.SignatureS.Buffer)
}

// encodeSignature returns r and s as ASN.1.
func encodeSignature(r, s []byte) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
}

func ecdsaScheme() tpm2.TPMTSigScheme {
	return tpm2.TPMTSigScheme{
		Scheme:  tpm2.TPMAlgECDSA,
		Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSchemeHash{HashAlg: tpm2.TPMAlgSHA256}),
	}
}

// openTPM opens HANDLE[@PLACE]: PLACE is a device, or unix:SOCKET.
func openTPM(rest string, o Options) (*Key, error) {
	text, place, _ := strings.Cut(rest, "@")
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil || n < firstHandle || n > lastHandle {
		return nil, fmt.Errorf("%w: a TPM's handle is %#x to %#x", ErrReference, firstHandle, lastHandle)
	}
	if place == "" {
		place = defaultTPM
	}
	open := linuxtpm.Open
	path, socket := strings.CutPrefix(place, "unix:")
	if socket {
		open = linuxudstpm.Open
	}
	tpm, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("TPM %s: %w", place, ErrNotThere)
	}
	if err != nil {
		return nil, fmt.Errorf("open TPM %s: %w", place, err)
	}
	s := &tpmSigner{tpm: tpm}
	if err := s.load(tpm2.TPMHandle(n), o.Create); err != nil {
		return nil, errors.Join(fmt.Errorf("TPM %s, handle %#x: %w", place, n, err), tpm.Close())
	}
	return &Key{Signer: s, close: tpm.Close}, nil
}

// load finds the key, or makes it.
func (s *tpmSigner) load(handle tpm2.TPMHandle, create bool) error {
	read, err := tpm2.ReadPublic{ObjectHandle: handle}.Execute(s.tpm)
	if errors.Is(err, tpm2.TPMRCHandle) {
		if !create {
			return ErrNotThere
		}
		if err := s.create(handle); err != nil {
			return fmt.Errorf("make the key: %w", err)
		}
		read, err = tpm2.ReadPublic{ObjectHandle: handle}.Execute(s.tpm)
	}
	if err != nil {
		return fmt.Errorf("read the public key: %w", err)
	}
	public, err := read.OutPublic.Contents()
	if err != nil {
		return fmt.Errorf("read the public key: %w", err)
	}
	if !public.ObjectAttributes.SignEncrypt || public.ObjectAttributes.Restricted {
		return fmt.Errorf("%w: it does not sign what it is given", ErrKey)
	}
	parms, err := public.Parameters.ECCDetail()
	if err != nil || parms.CurveID != tpm2.TPMECCNistP256 {
		return fmt.Errorf("%w: it is not on P-256", ErrKey)
	}
	point, err := public.Unique.ECC()
	if err != nil {
		return fmt.Errorf("%w: it has no public point", ErrKey)
	}
	s.pub, err = pointOf(point.X.Buffer, point.Y.Buffer)
	s.key = tpm2.NamedHandle{Handle: handle, Name: read.Name}
	return err
}

// pointOf returns a public key on P-256 from its coordinates.
func pointOf(x, y []byte) (*ecdsa.PublicKey, error) {
	if len(x) > 32 || len(y) > 32 {
		return nil, fmt.Errorf("%w: its point is not on P-256", ErrKey)
	}
	point := make([]byte, 65)
	point[0] = 4
	copy(point[33-len(x):], x)
	copy(point[65-len(y):], y)
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("%w: its point is not on P-256", ErrKey)
	}
	return pub, nil
}

// create makes a primary key of the owner's and keeps it at a persistent handle.
func (s *tpmSigner) create(handle tpm2.TPMHandle) error {
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.TPMRHOwner,
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type:    tpm2.TPMAlgECC,
			NameAlg: tpm2.TPMAlgSHA256,
			ObjectAttributes: tpm2.TPMAObject{
				FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true,
			},
			Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
				Scheme: tpm2.TPMTECCScheme{
					Scheme:  tpm2.TPMAlgECDSA,
					Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256}),
				},
				CurveID: tpm2.TPMECCNistP256,
			}),
		}),
	}.Execute(s.tpm)
	if err != nil {
		return err
	}
	_, err = tpm2.EvictControl{
		Auth:             tpm2.TPMRHOwner,
		ObjectHandle:     &tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name},
		PersistentHandle: handle,
	}.Execute(s.tpm)
	_, ferr := tpm2.FlushContext{FlushHandle: made.ObjectHandle}.Execute(s.tpm)
	return errors.Join(err, ferr)
}
