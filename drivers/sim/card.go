package sim

import (
	"bytes"
	"errors"
	"fmt"
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
)

// aid is the application identifier of an eMRTD.
var aid = fromHex("A0000002471001")

// A Card is the chip of a virtual citizen's card. Its methods may be called by
// several goroutines; commands are answered one after another.
//
// Exchange is the chip alone. Transmit and Insert put the link before it, with
// the delays, the pull and the hang that options ask for.
type Card struct {
	mu    sync.Mutex
	set   settings
	files map[uint16][]byte
	can   string
	mrz   string // MRZ information
	chip  chipKeys

	// Since the last reset:
	application bool        // the eMRTD application is selected
	current     uint16      // the selected file, 0 for none
	session     *sm.Session // secure messaging, and with it the access to the files
	challenge   []byte      // of Basic Access Control
	access      *paceRun
	chipAuth    bool // MSE:Set AT chose Chip Authentication

	link linkState
}

// NewCard personalises a card for c, signed by p. The portrait is a JPEG or
// JPEG 2000 of at most 32,000 bytes; nil gives a plain grey picture.
func NewCard(c Citizen, p *PKI, portrait []byte, opt ...Option) (*Card, error) {
	c = c.normalised()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	if p == nil {
		return nil, errors.New("make a card: no PKI to sign it")
	}
	card := &Card{set: newSettings(opt), can: c.CAN(), mrz: c.mrzInformation()}
	if err := card.set.offerErr; err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	if err := card.personalise(c, p, portrait); err != nil {
		return nil, fmt.Errorf("make a card: %w", err)
	}
	return card, nil
}

func (c *Card) personalise(who Citizen, p *PKI, portrait []byte) error {
	if portrait == nil {
		var err error
		if portrait, err = placeholder(); err != nil {
			return err
		}
	}
	dg2, err := DG2(portrait)
	if err != nil {
		return err
	}
	shown, err := newChipKeys()
	if err != nil {
		return err
	}
	c.chip = shown
	if c.set.cloned {
		if c.chip, err = newChipKeys(); err != nil {
			return err
		}
	}
	groups := map[int][]byte{
		1: who.DG1(), 2: dg2, 3: fingerprints(), 13: who.dg13(c.set.nestedParents), 14: shown.dg14(c.set.offer), 15: shown.dg15(),
	}
	s := p.signer
	if c.set.wrongSigner || c.set.expired {
		expired, unknown, err := p.odd()
		if err != nil {
			return err
		}
		s = expired
		if c.set.wrongSigner {
			s = unknown
		}
	}
	sod, err := s.sod(groups)
	if err != nil {
		return err
	}
	c.files = map[uint16][]byte{FileCardAccess: c.set.offer.cardAccess(), FileCOM: efCOM, FileSOD: sod}
	for n, content := range groups {
		c.files[0x0100|uint16(n)] = content
	}
	c.tamper(who)
	return nil
}

// tamper changes files after they were signed.
func (c *Card) tamper(who Citizen) {
	if c.set.tamperDG2 {
		file := bytes.Clone(c.files[FileDG2])
		file[len(file)-8] ^= 0x01
		c.files[FileDG2] = file
	}
	if c.set.tamperDG13 {
		who.ResidencePlace = "Số 2 Đường Giả, Phường Giả, Tỉnh Giả"
		c.files[FileDG13] = who.dg13(c.set.nestedParents)
	}
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
	c.session, c.challenge, c.access, c.chipAuth = nil, nil, nil, false
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
	case c.set.frameLimit > 0 && cmd.IsExtended():
		c.forget() // the reader has counted a protected command that was never read
		return status(swLength)
	}
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
		c.access, c.chipAuth = nil, false
	}
	switch cmd.INS {
	case 0xA4:
		return status(c.selectFile(cmd))
	case 0xB0, 0xB1:
		return c.readBinary(cmd)
	case 0x84:
		return c.getChallenge(cmd)
	case 0x82:
		return c.mutualAuthenticate(cmd)
	case 0x22:
		return status(c.setSecurity(cmd))
	case 0x86:
		return c.generalAuthenticate(cmd)
	case 0x88:
		return c.internalAuthenticate(cmd)
	}
	return status(swUnknownINS)
}
