package emrtd

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/pace"
)

// maxCardAccess bounds EF.CardAccess, which is a few hundred bytes at most.
const maxCardAccess = 8 << 10

var application = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// open gets access: PACE as the chip offers it, else the password's MRZs, if it has any,
// by BAC; then the application is selected. When all fail, PACE's own error counts.
func (r *reader) open(ctx context.Context) error {
	r.session = nil
	if r.offers == nil {
		if err := r.readOffers(ctx); err != nil {
			return err
		}
	}
	paceErr := fmt.Errorf("PACE: %w", ErrNotSupported)
	if r.way != "BAC" {
		if paceErr = r.openWithPACE(ctx, r.password); paceErr == nil || fatalAccess(paceErr) {
			return paceErr
		}
	}
	first := paceErr
	for _, mrz := range r.password.forBAC() {
		err := r.openWithMRZ(ctx, mrz, paceErr)
		switch {
		case err == nil:
			r.password = mrz // the one to open with again
			return nil
		case fatal(err), errors.Is(err, ErrNoApplication):
			return err
		case errors.Is(first, ErrNotSupported), r.assumed && !errors.Is(first, ErrAccessDenied):
			first = err // there is no PACE that could have failed
		}
	}
	return first
}

// openWithMRZ opens the chip with the password's next MRZ. PACE took another password and
// found it wrong: then it is asked first, and its answer holds for BAC too.
func (r *reader) openWithMRZ(ctx context.Context, mrz Password, paceErr error) error {
	denied := errors.Is(paceErr, ErrAccessDenied)
	if denied && r.password.same(mrz) {
		return paceErr // the same secret again
	}
	if denied {
		if err := r.openWithPACE(ctx, mrz); err == nil || fatal(err) || errors.Is(err, ErrAccessDenied) {
			return err
		}
	}
	return r.openWithBAC(ctx, mrz)
}

// fatalAccess: errors of PACE after which no other way is tried.
func fatalAccess(err error) bool {
	if refused := (errRefused{}); errors.As(err, &refused) {
		return false
	}
	if errors.Is(err, ErrNotSupported) || errors.Is(err, ErrAccessDenied) {
		return false
	}
	return errors.Is(err, ErrNoApplication) || (fatal(err) && !(errors.Is(err, ErrProtocol) && !errors.Is(err, ErrCardGone)))
}

func (r *reader) openWithPACE(ctx context.Context, pw Password) error {
	if len(r.offers) == 0 {
		return fmt.Errorf("PACE: %w", ErrNotSupported)
	}
	info, err := r.pace(ctx, pw, r.offers)
	if refused := (errRefused{}); errors.As(err, &refused) {
		// A card that was not reset may still be in its application, where there is no PACE.
		if err := r.toMasterFile(ctx); err != nil {
			return err
		}
		info, err = r.pace(ctx, pw, r.offers)
	}
	if err != nil {
		r.session = nil
		return err
	}
	r.way = "PACE"
	r.doc.Access = Access{Mechanism: "PACE", Protocol: info.Protocol.Name, Parameter: max(info.Parameter, 0), Password: pw.kind}
	if err := r.readCardSecurity(ctx); err != nil {
		return err
	}
	return r.selectApplication(ctx)
}

func (r *reader) openWithBAC(ctx context.Context, mrz Password) error {
	r.session = nil
	if err := r.selectApplication(ctx); err != nil {
		return err
	}
	err := r.bac(ctx, mrz)
	if err == nil {
		r.way = "BAC"
		r.doc.Access = Access{Mechanism: "BAC", Protocol: "BAC-3DES", Password: mrz.kind}
		return nil
	}
	var status *StatusError
	if errors.As(err, &status) && !errors.Is(err, ErrAccessDenied) && r.openToAll(ctx) {
		r.way = "BAC"
		r.doc.Access = Access{Mechanism: "none", Protocol: "none"}
		return nil
	}
	return err
}

// openToAll reports whether EF.COM can be selected and read without access
// control, as on the first passports.
func (r *reader) openToAll(ctx context.Context) bool {
	size := 64
	f := file{channel: r.channel, id: EFCOM, max: maxCardAccess, size: &size, whole: new(bool)}
	if err := r.selectFile(ctx, EFCOM); err != nil {
		return false
	}
	_, err := f.read(ctx)
	return err == nil
}

// toMasterFile leaves the application. Cards that know no such command answer so,
// which is as good.
func (r *reader) toMasterFile(ctx context.Context) error {
	r.session = nil
	for _, name := range [][]byte{{0x3F, 0x00}, nil} {
		a, err := r.exchange(ctx, apdu.Command{INS: 0xA4, P1: 0, P2: 0x0C, Data: name, Le: apdu.NoLe})
		if err != nil || a.SW == 0x9000 {
			return err
		}
	}
	return nil
}

// selectApplication selects the eMRTD application by its name.
func (r *reader) selectApplication(ctx context.Context) error {
	var status *StatusError
	for _, cmd := range []apdu.Command{
		{INS: 0xA4, P1: 4, P2: 0x0C, Data: application, Le: apdu.NoLe},
		{INS: 0xA4, P1: 4, P2: 0x00, Data: application, Le: 256},
	} {
		_, err := r.must(ctx, "select the application", cmd)
		if err == nil {
			return nil
		}
		if !errors.As(err, &status) {
			return noApplication(err)
		}
	}
	if status.SW == 0x6982 || status.SW == 0x6985 {
		return status // there, but closed
	}
	return noApplication(status)
}

// noApplication names err as ErrNoApplication when it is a status word that says so.
func noApplication(err error) error {
	var status *StatusError
	var lost *errSessionLost
	if errors.As(err, &status) || (errors.As(err, &lost) && lost.sw == 0x6A82) {
		return fmt.Errorf("%w: %w", ErrNoApplication, err)
	}
	return err
}

// readOffers finds out which ways of PACE the chip offers. Whatever an odd card
// answers, only a card that is gone ends the read.
func (r *reader) readOffers(ctx context.Context) error {
	b, err := r.cardAccess(ctx)
	if err != nil {
		return err
	}
	r.offers = []pace.Info{}
	if b == nil {
		// A CAN is good for PACE only, so there is PACE: take what Vietnamese cards have.
		if p, ok := pace.ByName("id-PACE-ECDH-GM-AES-CBC-CMAC-128"); ok && r.password.kind == "CAN" {
			d, err := pace.DomainByID(13)
			if err != nil {
				return err
			}
			r.assumed, r.offers = true, append(r.offers, pace.Info{Protocol: p, Version: 2, Parameter: 13, Domain: d, Curve: d.Curve()})
		}
		return r.readLengths(ctx)
	}
	r.doc.Files[EFCardAccess] = b
	access, err := pace.ParseCardAccess(b)
	if err == nil {
		r.offers, r.ambiguous = append(r.offers, access.Ranked()...), len(access.PACE) > 1
	}
	return r.readLengths(ctx)
}

// cardAccess reads EF.CardAccess, or returns nil when the card gives none.
// By its short identifier first, which also shows whether the card knows such;
// then by SELECT, without and with the master file before it.
func (r *reader) cardAccess(ctx context.Context) ([]byte, error) {
	b, err := r.tryCardAccess(ctx, 0x1C)
	if fatal(err) {
		return nil, err
	}
	if b != nil {
		r.sfi = true
		return b, nil
	}
	selectEF := func(p2 byte, le int) apdu.Command {
		return apdu.Command{INS: 0xA4, P1: 2, P2: p2, Data: []byte{0x01, 0x1C}, Le: le}
	}
	for _, cmd := range []apdu.Command{
		selectEF(0x0C, apdu.NoLe),
		{INS: 0xA4, P1: 0, P2: 0x0C, Data: []byte{0x3F, 0x00}, Le: apdu.NoLe},
		selectEF(0x0C, apdu.NoLe),
		{INS: 0xA4, P1: 0, P2: 0x0C, Le: apdu.NoLe},
		selectEF(0x0C, 256),
		selectEF(0x04, 256),
		{INS: 0xA4, P1: 0, P2: 0x0C, Data: []byte{0x01, 0x1C}, Le: apdu.NoLe},
	} {
		a, err := r.exchange(ctx, cmd)
		if err != nil {
			return nil, err
		}
		if a.SW != 0x9000 || len(cmd.Data) == 0 || cmd.Data[0] == 0x3F {
			continue
		}
		if b, err := r.tryCardAccess(ctx, 0); b != nil || fatal(err) {
			return b, err
		}
	}
	b, err = r.tryCardAccess(ctx, 0x1C) // again: the master file is selected now
	if fatal(err) {
		return nil, err
	}
	return b, nil
}

// tryCardAccess reads the current file or, by its short identifier, EF.CardAccess;
// nil when that is not a set of SecurityInfos.
func (r *reader) tryCardAccess(ctx context.Context, sfi byte) ([]byte, error) {
	size := 256
	f := file{channel: r.channel, id: EFCardAccess, sfi: sfi, max: maxCardAccess, size: &size, whole: new(bool)}
	b, err := f.read(ctx)
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrProtocol) && !errors.Is(err, ErrCardGone):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if _, err := asn.One(b, asn.Set); err != nil {
		return nil, nil
	}
	return bytes.Clone(b), nil
}
