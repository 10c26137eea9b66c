package emrtd

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/big"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/privacy"
)

// challengeSize is the length of RND.IFD (Doc 9303-11 §6.1).
const challengeSize = 8

// activeAuthentication asks the chip for a signature over a random challenge. Only
// a card that is gone or a lost session is an error; that there is no
// signature is noted in the document. A signature that does not fit a short answer
// is asked for with extended length, or comes by GET RESPONSE: where the first way fails
// the other is tried.
func (r *reader) activeAuthentication(ctx context.Context, key publicKey) error {
	challenge := make([]byte, challengeSize)
	if _, err := io.ReadFull(r.random, challenge); err != nil {
		return fmt.Errorf("active authentication: random number: %w", err)
	}
	proof := &r.doc.Proofs.ActiveAuthentication
	*proof = ActiveProof{Challenge: privacy.New(challenge)}
	ways := r.waysToSign(key)
	for n, extended := range ways {
		cmd := apdu.Command{INS: 0x88, Data: challenge, Le: 256, Extended: extended}
		if extended {
			cmd.Le = wholeFile
		}
		answer, err := r.exchange(ctx, cmd)
		last := n == len(ways)-1
		var long *errLongRefused
		switch {
		case errors.As(err, &long):
			r.refuseLong()
			proof.Why = "the signature is too long for this reader"
			if ok, err := r.reopen(ctx); !ok || last {
				return err
			}
		case err != nil && (last || endsRead(ctx, err) || r.doc.Proofs.ChipAuthentication.Result == pendingResult):
			return fmt.Errorf("active authentication: %w", err)
		case err != nil:
			if ok, err := r.reopen(ctx); !ok {
				return err
			}
		case answer.SW == 0x9000 && len(answer.Data) > 0:
			proof.Signature, proof.Why = privacy.New(answer.Data), ""
			if len(answer.Data) >= key.signatureSize() {
				return nil
			} // cut to what a short answer holds, perhaps
		case proof.Signature.IsSet():
		case proof.Why == "" || answer.SW != 0x6700:
			proof.Why = refusal("active authentication", answer.SW)
		}
	}
	return nil
}

// waysToSign returns whether to ask for a signature with extended length, the more
// promising way first.
func (r *reader) waysToSign(key publicKey) []bool {
	switch {
	case r.answersShort(key), r.refused:
		return []bool{false}
	case r.extended:
		return []bool{true, false}
	}
	return []bool{false, true}
}

// refusal says that the chip did not do what would have proved its key.
func refusal(doing string, sw uint16) string {
	return fmt.Sprintf("the chip refused (%v), as a copy would", &StatusError{SW: sw, Doing: doing})
}

// signatureSize is how long a signature of the key is in Active Authentication.
func (k publicKey) signatureSize() int {
	if k.rsa != nil {
		return k.rsa.Size()
	}
	return 2 * ((k.curve.N.BitLen() + 7) / 8)
}

// answersShort reports whether the signature fits an answer of short length.
func (r *reader) answersShort(key publicKey) bool {
	if r.session == nil {
		return key.signatureSize() <= 256
	}
	return key.signatureSize() <= r.session.MaxShortRead()
}

// verifyActive checks the chip's signature with the key in DG15 and says how it was made.
func verifyActive(files Files, challenge, signature []byte) (string, error) {
	key, err := activeKey(files[DG15])
	if err != nil {
		return "", errors.Join(errAlgorithm, err)
	}
	if key.rsa != nil {
		m, err := recoverMessage(key.rsa, signature)
		if err != nil {
			return "", err
		}
		if !m.fits(challenge) {
			return "", errSignature
		}
		return fmt.Sprintf("RSA of %d bits with %v", key.rsa.N.BitLen(), m.hash), nil
	}
	infos, _ := parseSecurityInfos(files[DG14])
	hash, err := key.verifyPlain(infos.signature, challenge, signature)
	return fmt.Sprintf("%s with %v", key.curve.Name, hash), err
}

// verifyPlain checks an ECDSA signature, r and s side by side, each as long as the
// order (TR-03111 §5.2.1); the DER form that some chips give is read too. oid names the
// hash; where DG14 does not, any of the known ones may have been taken.
func (k publicKey) verifyPlain(oid string, challenge, signature []byte) (hashAlgorithm, error) {
	try := []crypto.Hash{crypto.SHA256, crypto.SHA1, crypto.SHA224, crypto.SHA384, crypto.SHA512}
	if oid != "" {
		known := schemes[oid]
		if known.hash == 0 || (known.kind != "plain-ecdsa" && known.kind != "ecdsa") {
			return hashAlgorithm{}, fmt.Errorf("%w: signature %s", errAlgorithm, oid)
		}
		try = []crypto.Hash{known.hash}
	}
	r, s, err := k.plainHalves(signature)
	if err != nil {
		return hashAlgorithm{}, err
	}
	for _, h := range try {
		if err = k.verifyECDSA(hashAlgorithm{h}.sum(challenge), r, s); err == nil {
			return hashAlgorithm{h}, nil
		}
	}
	return hashAlgorithm{}, err
}

func (k publicKey) plainHalves(signature []byte) (r, s *big.Int, err error) {
	switch {
	case len(signature) == k.signatureSize():
		return k.halves("plain-ecdsa", signature)
	case len(signature) > 0 && signature[0] == asn.Sequence:
		return k.halves("ecdsa", signature)
	}
	return nil, nil, fmt.Errorf("%w: of %d bytes, the key gives %d", errSignature, len(signature), k.signatureSize())
}
