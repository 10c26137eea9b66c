package sim

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// Status words of the chip (ISO/IEC 7816-4 §5.6).
const (
	swOK             uint16 = 0x9000
	swEndOfFile      uint16 = 0x6282 // fewer bytes than asked for
	swWrongPassword  uint16 = 0x6300
	swLength         uint16 = 0x6700
	swChannel        uint16 = 0x6881
	swSecurity       uint16 = 0x6982 // security status not satisfied
	swConditions     uint16 = 0x6985
	swNoFile         uint16 = 0x6986 // no current file
	swSMMissing      uint16 = 0x6987
	swSMWrong        uint16 = 0x6988
	swWrongData      uint16 = 0x6A80
	swNotFound       uint16 = 0x6A82
	swWrongP1P2      uint16 = 0x6A86
	swReference      uint16 = 0x6A88
	swOffset         uint16 = 0x6B00
	swUnknownINS     uint16 = 0x6D00
	swUnknownCLA     uint16 = 0x6E00
	swUnknownFailure uint16 = 0x6F00
	swBlocked        uint16 = 0x6983 // authentication method blocked
)

// aid is the application identifier of an eMRTD.
var aid = fromHex("A0000002471001")

// A Card is the chip of a virtual citizen's card. Its methods may be called by
// several goroutines; commands are answered one after another.
//
// Exchange is the chip alone. Transmit and Insert put the link before it, with
// the delays, the pull and the hang that options ask for.
type Card struct {
	mu     sync.Mutex
	set    settings
	files  map[uint16][]byte // of the application
	master map[uint16][]byte // of the master file
	can    string            // "" for none
	mrz    string            // MRZ information, "" for none
	chip   chipKeys
	draw   draws

	// Since the last reset:
	application bool        // the eMRTD application is selected
	current     uint16      // the selected file, 0 for none
	session     *sm.Session // secure messaging, and with it the access to the files
	challenge   []byte      // of Basic Access Control
	access      *paceRun
	chipAuth    *agreementKey // MSE:Set AT chose Chip Authentication
	chained     []byte        // data of commands that are parts of one
	pending     []byte        // the rest of an answer, for GET RESPONSE

	link linkState
}

// draws are the card's random numbers; a worked example brings its own.
type draws struct {
	bytes  func(n int) []byte
	scalar func(n *big.Int) *big.Int
}

// NewCard personalises a card for c, signed by p. The portrait is a JPEG or
// JPEG 2000 of at most 32,000 bytes; nil gives a plain grey picture.
func NewCard(c Citizen, p *PKI, portrait []byte, opt ...Option) (*Card, error) {
	return NewHolderCard(Holder{Citizen: c}, p, portrait, opt...)
}

// NewHolderCard personalises a card for any holder: see Holder.
func NewHolderCard(h Holder, p *PKI, portrait []byte, opt ...Option) (*Card, error) {
	h = h.normalised()
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	if p == nil {
		return nil, errors.New("make a card: no PKI to sign it")
	}
	own, err := h.options()
	if err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	card := blankCard(append(own, opt...))
	card.can, card.mrz = h.can(), h.mrzInformation()
	if err := card.set.err; err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	if err := card.personalise(h, p, portrait); err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	return card, nil
}

func blankCard(opt []Option) *Card {
	return &Card{set: newSettings(opt), draw: draws{bytes: random, scalar: randomScalar}}
}

func (c *Card) personalise(who Holder, p *PKI, portrait []byte) error {
	shown, err := newChipKeys(c.set, false)
	if err != nil {
		return err
	}
	if err := c.keep(shown); err != nil {
		return err
	}
	groups, err := who.groups(shown, c.set, portrait)
	if err != nil {
		return err
	}
	s, err := p.signerFor(c.set)
	if err != nil {
		return err
	}
	signed := groups
	if c.set.wrongSOD {
		signed = maps.Clone(groups)
		signed[1] = append(bytes.Clone(groups[1]), 0)
	}
	sod, err := s.sod(signed, p.spec.hash())
	if err != nil {
		return err
	}
	c.files = map[uint16][]byte{FileCOM: com(slices.Sorted(maps.Keys(groups))), FileSOD: sod}
	for n, content := range groups {
		c.files[0x0100|uint16(n)] = content
	}
	c.master = map[uint16][]byte{}
	if len(c.set.offers) > 0 {
		c.master[FileCardAccess] = shown.cardAccess(c.set)
	}
	if c.set.mapsChip() {
		if c.master[FileCardSecurity], err = s.cardSecurity(shown.cardSecurity(c.set)); err != nil {
			return err
		}
	}
	if c.set.masterFile {
		c.master[FileDIR] = tlv.Encode(0x61, tlv.Encode(0x4F, aid))
	}
	return c.tamper(who)
}

// keep gives the chip its keys: those that its files show, or others where it is
// a copy.
func (c *Card) keep(shown chipKeys) error {
	c.chip = shown
	if !c.set.clonedAgreement && !c.set.clonedActive {
		return nil
	}
	others, err := newChipKeys(c.set, true)
	if err != nil {
		return err
	}
	if c.set.clonedAgreement {
		c.chip.agreements = others.agreements
	}
	if c.set.clonedActive {
		c.chip.active = others.active
	}
	return nil
}

// tamper changes files after they were signed.
func (c *Card) tamper(who Holder) error {
	for _, id := range c.set.tampered {
		file := bytes.Clone(c.files[id])
		if len(file) < 8 {
			return fmt.Errorf("the card has no file %04X to change", id)
		}
		file[len(file)-8] ^= 0x01
		c.files[id] = file
	}
	if c.set.brokenSignature {
		file := bytes.Clone(c.files[FileSOD])
		file[len(file)-5] ^= 0x01 // inside the signature, which stands last
		c.files[FileSOD] = file
	}
	if c.set.tamperDG13 {
		who.ResidencePlace = "Số 2 Đường Giả, Phường Giả, Tỉnh Giả"
		c.files[FileDG13] = who.Citizen.dg13(c.set.nestedParents)
	}
	for id, n := range c.set.trailing {
		c.files[id] = append(bytes.Clone(c.files[id]), make([]byte, n)...)
	}
	return nil
}

// fingerprints is EF.DG3, which nobody can read: only its hash is ever seen.
func fingerprints() []byte {
	return tlv.Encode(0x63, tlv.Encode(0x7F61, tlv.Encode(0x02, []byte{0})))
}

// ATR returns the answer to reset that a PC/SC reader makes up for a
// contactless ISO/IEC 14443-4 card: its historical bytes, which say that
// extended lengths and command chaining are understood (PC/SC part 3 §3.1.3.2.3).
func (c *Card) ATR() []byte {
	atr := []byte{0x3B, 0x88, 0x80, 0x01, 0x00, 0x73, 0xC8, 0x40, 0xC0, 0x00, 0x90, 0x00}
	if c.set.noExtended {
		atr[8] = 0x80 // chaining alone
	}
	if c.set.frameLimit > 0 || c.set.maxAnswer > 0 || c.set.strictEnd != 0 {
		atr[6] = 0x88 // another type of card: readers remember what a type takes
	}
	var check byte
	for _, b := range atr[1:] {
		check ^= b
	}
	return append(atr, check)
}

// PowerOn, PowerOff and Reset bring the chip back to its start: nothing
// selected, no secure messaging, no longer hung.
func (c *Card) PowerOn() { c.Reset() }

// PowerOff takes the power away; see PowerOn.
func (c *Card) PowerOff() { c.Reset() }

// Reset resets the chip; see PowerOn.
func (c *Card) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.application, c.current = false, 0
	c.forget()
	c.link.hung = false
}

// forget ends secure messaging and every protocol that is under way.
func (c *Card) forget() {
	c.session, c.challenge, c.access, c.chipAuth, c.chained, c.pending = nil, nil, nil, nil, nil, nil
}

// Exchange answers one command: data and status word, always at least two
// bytes, whatever comes.
func (c *Card) Exchange(command []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exchange(command).Bytes()
}

func status(sw uint16) apdu.Response { return apdu.Response{SW: sw} }

func (c *Card) exchange(raw []byte) apdu.Response {
	cmd, err := apdu.Parse(raw)
	switch {
	case err != nil:
		return status(swLength)
	case cmd.CLA&0xE0 != 0:
		return status(swUnknownCLA)
	case cmd.CLA&0x03 != 0:
		return status(swChannel)
	case (c.set.frameLimit > 0 || c.set.noExtended) && cmd.IsExtended():
		c.forget() // the reader has counted a protected command that was never read
		return status(swLength)
	case c.set.endless61 && (cmd.INS == 0xB0 || cmd.INS == 0xC0):
		return apdu.Response{Data: []byte{0x42}, SW: 0x6100}
	case cmd.INS == 0xC0:
		return c.getResponse(cmd)
	}
	c.pending = nil
	answer := c.messaging(cmd)
	if n := c.longest(cmd); n > 0 && len(answer.Data) > n && answer.SW == swOK {
		c.pending = answer.Data
		return status(waiting(len(answer.Data)))
	}
	return answer
}

// longest returns how much of an answer goes out at once, 0 for all of it.
func (c *Card) longest(cmd apdu.Command) int {
	if c.set.getResponse > 0 || cmd.Extended {
		return c.set.getResponse
	}
	return 256
}

// waiting is the status word that announces n more bytes.
func waiting(n int) uint16 {
	if n > 255 {
		return 0x6100
	}
	return 0x6100 | uint16(n)
}

// getResponse is GET RESPONSE: the next part of an answer that was announced.
func (c *Card) getResponse(cmd apdu.Command) apdu.Response {
	if len(c.pending) == 0 {
		return status(swConditions)
	}
	n := min(cmd.Le, max(c.longest(cmd), 1), len(c.pending))
	if n <= 0 {
		return status(swLength)
	}
	part := c.pending[:n]
	if c.pending = c.pending[n:]; len(c.pending) > 0 {
		return apdu.Response{Data: part, SW: waiting(len(c.pending))}
	}
	return apdu.Response{Data: part, SW: swOK}
}

// messaging answers a command in clear or under secure messaging.
func (c *Card) messaging(cmd apdu.Command) apdu.Response {
	if cmd.CLA&0x0C != 0x0C {
		// A command in clear ends the secure channel (Doc 9303-11 §9.8.1).
		if c.session != nil {
			c.forget()
		}
		return c.answer(cmd)
	}
	session := c.session
	if session == nil {
		return status(swSMWrong)
	}
	inner, err := session.UnwrapCommand(cmd)
	if err != nil {
		c.forget()
		if errors.Is(err, sm.ErrFormat) {
			return status(swSMMissing)
		}
		return status(swSMWrong)
	}
	// Chip Authentication changes c.session; its own answer still goes out
	// under the old keys.
	answer, err := session.WrapResponse(c.answer(inner))
	if err != nil {
		c.forget()
		return status(swUnknownFailure)
	}
	return answer
}

// answer carries out a command in clear.
func (c *Card) answer(cmd apdu.Command) apdu.Response {
	if sw, ok := c.set.status[cmd.INS]; ok {
		return status(sw)
	}
	if cmd.INS != 0x86 && cmd.INS != 0x22 {
		c.access, c.chipAuth = nil, nil
	}
	cmd, whole := c.chain(cmd)
	if !whole {
		return status(swOK)
	}
	switch cmd.INS {
	case 0xA4:
		return c.selectFile(cmd)
	case 0xB0, 0xB1:
		return c.readBinary(cmd)
	case 0x84:
		return c.getChallenge(cmd)
	case 0x82:
		return c.mutualAuthenticate(cmd)
	case 0x22:
		return c.setSecurity(cmd)
	case 0x86:
		return c.generalAuthenticate(cmd)
	case 0x88:
		return c.internalAuthenticate(cmd)
	}
	return status(swUnknownINS)
}

// maxChained bounds the data of chained commands.
const maxChained = 4096

// chain puts chained commands together (ISO/IEC 7816-4 §5.3.3). The steps of PACE
// carry the chaining bit, too, but each is whole: data that ends in the middle of
// its object is what tells a part.
func (c *Card) chain(cmd apdu.Command) (apdu.Command, bool) {
	cmd.Data = append(c.chained, cmd.Data...)
	c.chained = nil
	if cmd.CLA&0x10 == 0 || len(cmd.Data) > maxChained {
		return cmd, true
	}
	part := cmd.INS != 0x86
	if cmd.INS == 0x86 {
		_, _, err := tlv.Next(cmd.Data)
		part = errors.Is(err, tlv.ErrTruncated)
	}
	if part {
		c.chained = bytes.Clone(cmd.Data)
		return cmd, false
	}
	return cmd, true
}
