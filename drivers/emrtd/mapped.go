package emrtd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
)

// mappedKey is what PACE with chip authentication mapping brought: the chip's mapping key and
// what it says of it (Doc 9303-11 §4.4.3.5). Which static key that proves shows when
// DG14 was read.
type mappedKey struct {
	protocol string
	curve    *ec.Curve
	data     []byte // CA_IC; nil when the chip sent none that could be read
	mapping  []byte
}

func newMappedKey(info pace.Info, kEnc, hidden, mapping []byte) *mappedKey {
	m := &mappedKey{protocol: info.Protocol.Name, curve: info.Curve, mapping: mapping}
	if data, err := pace.DecryptChipData(info.Protocol.Cipher, kEnc, hidden); err == nil {
		m.data = data
	}
	return m
}

// proves returns how many of keys are of the mapping's curve, and whether the chip has
// shown that it knows the private half of one.
func (m *mappedKey) proves(keys []chipKey) (candidates int, ok bool) {
	for _, k := range keys {
		if k.curve != m.curve {
			continue
		}
		candidates++
		if pace.ChipDataFits(m.curve, m.data, k.point, m.mapping) {
			return candidates, true
		}
	}
	return candidates, false
}

// judgeMapping notes what chip authentication mapping proved, by the keys in DG14 and in
// EF.CardSecurity.
func (r *reader) judgeMapping(infos securityInfos) {
	m, proof := r.mapped, &r.doc.Proofs.ChipAuthentication
	*proof = ChipProof{Protocol: m.protocol, Result: NotDone, key: sha256.Sum256(r.doc.Files[DG14])}
	inDG14, ok := m.proves(infos.keys)
	if ok {
		proof.succeed()
		return
	}
	security, _ := parseCardSecurity(r.security)
	elsewhere, ok := m.proves(security.keys)
	switch {
	case ok:
		proof.security, proof.Result = r.security, OK
		proof.Why = "the chip proved the key in EF.CardSecurity: " + m.protocol
	case inDG14+elsewhere == 0:
		proof.Why = "the chip brings no key on " + m.curve.Name + " that its mapping could prove"
	case m.data == nil:
		proof.Result, proof.Why = Failed, "the chip sent no authentication data for its key"
	default:
		proof.Result, proof.Why = Failed, "the chip could not prove its key by "+m.protocol
	}
}

// EF.CardSecurity has identifier 011D in the master file, as the SOD has in the
// application; here it needs one of its own.
const efCardSecurity FileID = 0x1D1D

// oidSecurityObject is the content of EF.CardSecurity (Doc 9303-11 §9.2.11).
const oidSecurityObject = "0.4.0.127.0.7.3.2.1"

// readCardSecurity reads EF.CardSecurity, in which the key for chip authentication
// mapping stands, signed like a SOD. It can be read between PACE and the selection of the
// application. A chip without it is none the worse; one that drops the session over it is
// opened once more.
func (r *reader) readCardSecurity(ctx context.Context) error {
	if r.mapped == nil || r.askedSecurity {
		return nil
	}
	r.askedSecurity = true
	b, err := r.cardSecurity(ctx)
	var lost *errSessionLost
	switch {
	case err == nil:
		r.security = b
		return nil
	case errors.As(err, &lost):
		return r.open(ctx)
	case endsRead(ctx, err):
		return err
	}
	return nil
}

func (r *reader) cardSecurity(ctx context.Context) ([]byte, error) {
	size := r.largest()
	f := file{channel: r.channel, id: efCardSecurity, max: 64 << 10, size: &size, extended: r.extended, whole: &r.whole}
	if r.sfi {
		f.sfi = 0x1D
		b, err := f.read(ctx)
		var status *StatusError
		if err == nil && b[0] == asn.Sequence || err != nil && !errors.As(err, &status) {
			return b, err
		}
		f.sfi = 0
	}
	_, err := r.must(ctx, "select EF.CardSecurity", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{0x01, 0x1D}, Le: apdu.NoLe})
	if err != nil {
		return nil, err
	}
	return f.read(ctx)
}

// parseCardSecurity reads the keys in EF.CardSecurity. Its signature is not checked here.
func parseCardSecurity(raw []byte) (securityInfos, error) {
	sd, err := parseSignedData(raw)
	if err != nil {
		return securityInfos{}, fmt.Errorf("EF.CardSecurity: %w", err)
	}
	if sd.contentType != oidSecurityObject {
		return securityInfos{}, fmt.Errorf("EF.CardSecurity: %w: content of type %s", asn.ErrForm, sd.contentType)
	}
	return parseSecuritySet(sd.content)
}

// vouchedBySecurity judges a proof whose key is in EF.CardSecurity: that counts when the one
// who signed the SOD signed this file too, or one whom the trust store vouches for.
func (v Verification) vouchedBySecurity(p ChipProof, files Files, trust *Trust, at time.Time) (Answer, string) {
	const nobody = "nobody vouches for the key in EF.CardSecurity"
	sd, err := parseSignedData(p.security)
	if err != nil {
		return NotDone, nobody
	}
	signer, err := sd.verify(trust)
	if err != nil {
		return Failed, "EF.CardSecurity was changed, its key proves nothing"
	}
	if chain, _ := trust.chain(signer, at); chain == Trusted {
		return p.Result, p.Why
	}
	sod, err := parseSOD(files[EFSOD])
	if err != nil || v.SODSignature != OK {
		return NotDone, nobody
	}
	if same, err := sod.verify(trust); err != nil || !bytes.Equal(same.raw, signer.raw) {
		return NotDone, nobody + ": another signed the SOD"
	}
	return p.Result, p.Why
}
