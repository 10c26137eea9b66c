package emrtd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"tram/drivers/privacy"
)

// Proofs is what the chip did, when it was read, to show that it is no copy.
// What that is worth VerifyDocument says.
type Proofs struct {
	ChipAuthentication   ChipProof
	ActiveAuthentication ActiveProof
}

// ChipProof is the outcome of Chip Authentication, or of PACE with chip authentication mapping,
// which proves the same. Only the reader that did it can
// know: nothing of it could convince anyone else, or later.
type ChipProof struct {
	Protocol string // "id-CA-ECDH-AES-CBC-CMAC-128"; "" when the chip was not asked
	Result   Answer // OK, Failed or NotDone; "" when the chip was not asked
	Why      string // in words that hold nothing of a person

	key      [sha256.Size]byte // digest of the DG14 whose key it was
	security []byte            // EF.CardSecurity, where the key was there
	saved    bool              // a note of an earlier read, see LoadDocument
}

// ActiveProof is the chip's signature over a random challenge. It can be verified
// again at any time with the key in DG15.
type ActiveProof struct {
	Challenge privacy.Private[[]byte] // 8 bytes; unset when the chip was not asked
	Signature privacy.Private[[]byte] // unset when it gave none
	Why       string                  // why there is none
}

// VerifyDocument is Verify for a chip that was just read: beyond the files it judges
// what the chip did to prove its keys.
//
//   - chip authentication is ok when the chip could use the keys that only the owner
//     of the private key to DG14 can know, failed when it tried and could not;
//   - active authentication is ok when the key in DG15 made the signature;
//   - both count only when the SOD vouches for the group that holds the key: failed
//     when the group was changed, not_done when the SOD does not cover it or does not
//     verify itself;
//   - not_done, with the reason, when the chip refused to be asked. A copy would refuse
//     too: nothing was proved then.
func VerifyDocument(doc *Document, trust *Trust, at time.Time) Verification {
	v := Verify(doc.Files, trust, at)
	proof := doc.Proofs.ChipAuthentication
	switch {
	case proof.security != nil && !proof.saved:
		v.ChipAuthentication, v.Detail[questionCA] = v.vouchedBySecurity(proof, doc.Files, trust, at)
	case v.ChipAuthentication != NotSupported:
		v.ChipAuthentication, v.Detail[questionCA] = v.vouched(DG14, func() (Answer, string) {
			return proof.judge(doc.Files)
		})
	}
	if v.ActiveAuthentication != NotSupported {
		v.ActiveAuthentication, v.Detail[questionAA] = v.vouched(DG15, func() (Answer, string) {
			return doc.Proofs.ActiveAuthentication.judge(doc.Files)
		})
	}
	return v
}

// vouched judges a proof whose key is in a group that the SOD vouches for.
func (v Verification) vouched(group FileID, judge func() (Answer, string)) (Answer, string) {
	switch v.Groups[group.String()] {
	case OK:
	case Failed:
		return Failed, fmt.Sprintf("%v was changed, its key proves nothing", group)
	default:
		return NotDone, fmt.Sprintf("nobody vouches for the key in %v", group)
	}
	answer, why := judge()
	if answer == OK && v.SODSignature != OK {
		return NotDone, fmt.Sprintf("nobody vouches for the key in %v: the SOD's signature does not fit", group)
	}
	return answer, why
}

func (p ChipProof) judge(files Files) (Answer, string) {
	switch {
	case p.Result == "" && p.Why == "":
		return NotDone, "the chip has a key in DG14 and was not asked to prove it"
	case p.Result == "":
		return NotDone, p.Why
	case p.saved && p.Result == OK:
		return NotDone, p.Why
	case !p.saved && p.key != sha256.Sum256(files[DG14]):
		return NotDone, "the chip proved another key than that in DG14"
	}
	return p.Result, p.Why
}

func (p ActiveProof) judge(files Files) (Answer, string) {
	switch {
	case !p.Signature.IsSet() && p.Why != "":
		return NotDone, p.Why
	case !p.Signature.IsSet() || !p.Challenge.IsSet():
		return NotDone, "the chip has a key in DG15 and was not asked to prove it"
	}
	how, err := verifyActive(files, p.Challenge.Reveal(), p.Signature.Reveal())
	switch {
	case errors.Is(err, errAlgorithm):
		return NotDone, "the key in DG15 cannot be used: " + err.Error()
	case err != nil:
		return Failed, "the chip could not prove the key in DG15: " + err.Error()
	}
	return OK, "the chip proved the key in DG15: " + how
}

// chipQuestions fills in what the chip could prove, when files are all there is.
func (v *Verification) chipQuestions(files Files) {
	v.ChipAuthentication, v.Detail[questionCA] = NotSupported, "DG14 was not read or is not there"
	if raw, ok := files[DG14]; ok {
		v.Detail[questionCA] = "DG14 brings no key"
		if infos, err := parseSecurityInfos(raw); err == nil && infos.announced {
			v.ChipAuthentication, v.Detail[questionCA] = NotDone, "the chip has a key in DG14 and was not asked to prove it"
		}
	}
	v.ActiveAuthentication, v.Detail[questionAA] = NotSupported, "DG15 was not read or is not there"
	if _, ok := files[DG15]; ok {
		v.ActiveAuthentication, v.Detail[questionAA] = NotDone, "the chip has a key in DG15 and was not asked to prove it"
	}
}
