package emrtd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// maxChipOffers bounds how many ways of Chip Authentication are tried.
const maxChipOffers = 3

// prove lets the chip prove its keys, after all files are read: a chip that cannot
// loses its session over it, which then costs nothing any more. Chip Authentication goes
// first, so that the command of Active Authentication is also the one that shows
// whether the chip has the new keys. That a chip refuses or fails is noted, no error.
func (r *reader) prove(ctx context.Context) error {
	chip := &r.doc.Proofs.ChipAuthentication
	mapped := *chip
	if r.mapped != nil {
		infos, _ := parseSecurityInfos(r.doc.Files[DG14])
		if r.judgeMapping(infos); chip.Result == OK {
			return r.proveKeys(ctx, true)
		}
		mapped = *chip
	}
	err := r.proveKeys(ctx, false)
	if r.mapped != nil && chip.Result != OK && mapped.Result == Failed {
		*chip = mapped // that the chip then refuses Chip Authentication is no excuse
	}
	return err
}

// proveKeys does Chip Authentication, unless the mapping proved the same, and then
// Active Authentication.
func (r *reader) proveKeys(ctx context.Context, mapped bool) error {
	infos, _ := parseSecurityInfos(r.doc.Files[DG14])
	offers := infos.offers()
	if mapped {
		offers = nil
	} else if infos.announced && len(offers) == 0 {
		r.doc.Proofs.ChipAuthentication.Why = "the key in DG14 cannot be used: " + infos.unusable()
	}
	raw, asked := r.doc.Files[DG15]
	key, err := activeKey(raw)
	if asked && err != nil {
		asked, r.doc.Proofs.ActiveAuthentication.Why = false, "the key in DG15 cannot be used: "+err.Error()
	}
	if len(offers) == 0 && !asked {
		return nil
	}
	r.progress("verify", "", 0, 0)
	lost := false
	if len(offers) > 0 {
		err := r.timed("chipAuthentication", func() (err error) {
			lost, err = r.chipAuthentication(ctx, offers, asked && r.showsKeys(key))
			return err
		})
		if err != nil {
			return err
		}
	}
	if !asked {
		return nil
	}
	return r.timed("activeAuthentication", func() error { return r.proveActive(ctx, key, offers, lost) })
}

func (s securityInfos) unusable() string {
	if s.why != nil {
		return s.why.Error()
	}
	return "no key fits a known protocol"
}

// showsKeys reports whether the command of Active Authentication is certain to get
// through, whatever the chip answers: then it also shows the new keys.
func (r *reader) showsKeys(key publicKey) bool { return r.long || key.signatureSize() <= shortProof }

// shortProof is the longest signature that fits a short answer with any cipher.
const shortProof = 223

// proveActive does Active Authentication, in a new session where the chip lost its
// last one. When it is the first command under new keys and the chip drops the
// session over it, either the chip does not have the keys, or it has no such command:
// the keys are then tried by themselves, and the chip is asked once more.
func (r *reader) proveActive(ctx context.Context, key publicKey, offers []chipOffer, lost bool) error {
	chip, active := &r.doc.Proofs.ChipAuthentication, &r.doc.Proofs.ActiveAuthentication
	for {
		if lost {
			if ok, err := r.reopen(ctx); !ok {
				return err
			}
		}
		first := chip.Result == pendingResult
		err := r.activeAuthentication(ctx, key)
		switch {
		case endsRead(ctx, err):
			return err
		case err != nil && first:
			if lost, err = r.tryAgain(ctx, offers, err); err != nil {
				return err
			}
			continue
		case err != nil:
			active.Why = lostOver("active authentication", err)
		}
		if first {
			chip.succeed()
		}
		return nil
	}
}

// tryAgain settles what a failure of the first command under new keys means.
func (r *reader) tryAgain(ctx context.Context, offers []chipOffer, cause error) (lost bool, err error) {
	chip := &r.doc.Proofs.ChipAuthentication
	var gone *errSessionLost
	if !errors.As(cause, &gone) || !errors.Is(cause, sm.ErrUnprotected) || gone.sw == 0x6987 || gone.sw == 0x6988 {
		chip.fail(cause)
		return true, nil
	}
	chip.Result, chip.Why = NotDone, "the chip gave no access again"
	if ok, err := r.reopen(ctx); !ok {
		return true, err
	}
	return r.chipAuthentication(ctx, offers, false)
}

// lostOver says why a command brought nothing.
func lostOver(doing string, err error) string {
	var gone *errSessionLost
	if errors.As(err, &gone) {
		return refusal(doing, gone.sw)
	}
	return err.Error()
}

// endsRead reports whether err is the end of the whole read: the card is gone,
// or the caller wants no more.
func endsRead(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, ErrCardGone))
}

// reopen gets access again. It returns false with nil when the chip does not
// let the reader in once more.
func (r *reader) reopen(ctx context.Context) (bool, error) {
	err := r.toMasterFile(ctx)
	if err == nil {
		err = r.open(ctx)
	}
	if endsRead(ctx, err) {
		return false, err
	}
	if err != nil {
		r.doc.Proofs.ActiveAuthentication.Why = "the chip gave no access again: " + err.Error()
	}
	return err == nil, nil
}

// pendingResult: the keys were agreed on, and whether the chip has them shows with
// the next command.
const pendingResult Answer = "pending"

func (p *ChipProof) succeed() {
	p.Result, p.Why = OK, "the chip proved the key in DG14: "+p.Protocol
}

func (p *ChipProof) fail(err error) {
	p.Result, p.Why = Failed, fmt.Sprintf("the chip could not prove the key in DG14 by %s: %v", p.Protocol, err)
}

// chipAuthentication runs Chip Authentication version 1 (Doc 9303-11 §6.2) with the
// first of the offers that the chip does not refuse. With more to come, the next
// command shows whether the chip has the keys; else one is sent for it. It
// reports whether the session was lost.
func (r *reader) chipAuthentication(ctx context.Context, offers []chipOffer, more bool) (lost bool, err error) {
	proof := &r.doc.Proofs.ChipAuthentication
	*proof = ChipProof{Result: NotDone, key: sha256.Sum256(r.doc.Files[DG14])}
	for _, offer := range offers[:min(len(offers), maxChipOffers)] {
		proof.Protocol = offer.name
		session, err := r.agreeWithChip(ctx, offer)
		var long *errLongRefused
		if errors.As(err, &long) { // a key of 2048 bits, and a reader that knows short commands only
			r.refuseLong()
			if ok, err := r.reopen(ctx); !ok {
				proof.Why = "the key is too long for this reader"
				return true, err
			}
			session, err = r.agreeWithChip(ctx, offer)
		}
		var status *StatusError
		switch {
		case err == nil:
			r.session, proof.Result = session, pendingResult
			if more {
				return false, nil
			}
			return r.tryKeys(ctx)
		case endsRead(ctx, err):
			return false, err
		case errors.As(err, &status):
			proof.Why = refusal(status.Doing, status.SW)
		default:
			proof.Why = lostOver("chip authentication", err)
			return true, nil
		}
	}
	return false, nil
}

// tryKeys sends a command under the keys that were agreed on. Whatever the status
// word is: a chip without the keys cannot protect its answer.
func (r *reader) tryKeys(ctx context.Context) (lost bool, err error) {
	proof := &r.doc.Proofs.ChipAuthentication
	_, err = r.exchange(ctx, apdu.Command{INS: 0xB0, Le: 4}) // the file that was read last
	switch {
	case endsRead(ctx, err):
		return false, err
	case err != nil:
		proof.fail(err)
		return true, nil
	}
	proof.succeed()
	return false, nil
}

// agreeWithChip agrees on new keys with the chip's static key. Nothing is proved
// before the chip has used them.
func (r *reader) agreeWithChip(ctx context.Context, offer chipOffer) (*sm.Session, error) {
	public, secret, err := offer.key.agree(r.random)
	if err != nil {
		return nil, fmt.Errorf("chip authentication: %w", err)
	}
	if err := r.sendChipKey(ctx, offer, public); err != nil {
		return nil, err
	}
	kEnc, kMac := pace.SessionKeys(secret, offer.cipher)
	return sm.New(offer.cipher, kEnc, kMac, nil)
}

// sendChipKey gives the chip the reader's key: with 3DES by MSE:Set KAT, with AES, and
// where the chip does not know that, by MSE:Set AT and GENERAL AUTHENTICATE
// (TR-03110-3 B.1).
func (r *reader) sendChipKey(ctx context.Context, offer chipOffer, public []byte) error {
	const doing = "chip authentication"
	var reference []byte
	if id := max(offer.id, offer.key.id); id >= 0 {
		reference = tlv.Encode(0x84, shortest(id))
	}
	if offer.cipher == sm.TDES {
		data := append(tlv.Encode(0x91, public), reference...)
		_, err := r.lengthy(ctx, doing+": set the key", apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: data, Le: apdu.NoLe})
		var status *StatusError
		if !errors.As(err, &status) {
			return err
		}
	}
	data := append(tlv.Encode(0x80, asn.OIDContent(offer.oid)), reference...)
	_, err := r.must(ctx, doing+": choose "+offer.name, apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: data, Le: apdu.NoLe})
	if err != nil {
		return err
	}
	_, err = r.lengthy(ctx, doing+": agree on a key", apdu.Command{INS: 0x86, Data: pace.DynamicData(0x80, public), Le: 256})
	return err
}

// shortest returns a number that is not negative in as few bytes as it needs.
func shortest(n int) []byte {
	out := []byte{byte(n)}
	for n >>= 8; n > 0; n >>= 8 {
		out = append([]byte{byte(n)}, out...)
	}
	return out
}
