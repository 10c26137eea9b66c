package emrtd_test

import (
	"bytes"
	"context"
	"errors"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// chip is a small card for these tests: the other side of PACE and BAC, files, and
// the oddities of real cards, each switched on by its field. It is written against
// Doc 9303-11 and shares only the cryptography with the reader.
type chip struct {
	files  map[emrtd.FileID][]byte // of the application
	access []byte                  // EF.CardAccess; nil for none
	can    string
	mrz    []byte // SHA-1 of the MRZ information
	atr    []byte

	needsMF        bool     // EF.CardAccess can be selected only after the master file
	mfStatus       uint16   // answer to SELECT MF; 0 for 9000
	cardAccessSW   uint16   // answer to anything about EF.CardAccess; 0 for normal
	noSelect       bool     // files of the application are not found by SELECT
	noSFI          bool     // READ BINARY by short identifier answers 6A86
	refuse         []string // names of protocols that MSE:Set AT refuses
	needs84        bool     // MSE:Set AT without domain parameters answers 6A80
	maxRead        int      // Le above answers 6700; 0 for no limit
	cutTo          int      // longer reads are cut to so many bytes; 0 for no limit
	strictEnd      bool     // a read past the end answers 6B00 instead of less
	endWarning     bool     // a read past the end answers 6282 with what there is
	bareError      emrtd.FileID
	bareSFI        bool // drops secure messaging over a short identifier
	wrongLe        bool // the first READ BINARY of each file answers 6Cxx
	getResponse    bool // answers in clear come by GET RESPONSE
	withoutBAC     bool
	openToAll      bool // files can be read without any access control
	goneAfter      int  // commands until it is taken away; 0 for never
	onCommand      func(n int)
	stop           chan struct{}
	wrongChipToken bool
	shortReader    bool // the reader in between fails over extended commands
	keys           *chipKeys
	static         *pace.KeyPair // of chip authentication mapping; nil for no such proof
	security       []byte        // EF.CardSecurity
	failMapping    string        // name of a protocol whose mapping is refused
	noChains       bool          // command chaining answers 6884
	noLong         bool          // an extended command ends the session: 6982 in clear
	wholeOnly      bool          // extended Le other than 0000 answers 6700
	longInClear    bool          // and does so in clear
	info2F01       []byte        // EF.ATR/INFO
	longCommands   int

	session  *sm.Session
	inApp    bool
	current  []byte
	asked    map[string]bool
	info     pace.Info
	secret   []byte
	nonce    []byte
	generate *pace.KeyPair
	session1 *pace.Domain // after the mapping
	mapping  pace.KeyPair
	kMac     []byte
	theirs   []byte
	chained  []byte
	rndIC    []byte
	pending  []byte
	commands int
	opened   int // sessions
}

func (c *chip) ATR() []byte { return c.atr }

func (c *chip) Name() string { return "a reader" }

// reset is what a reader does before it gives the card to the next one.
func (c *chip) reset() {
	c.session, c.inApp, c.current, c.chained, c.pending = nil, false, nil, nil, nil
}

var errPulled = errors.New("transport: no card")

func (c *chip) Transmit(_ context.Context, raw []byte) ([]byte, error) {
	c.commands++
	if c.onCommand != nil {
		c.onCommand(c.commands)
	}
	if c.goneAfter > 0 && c.commands > c.goneAfter {
		return nil, errPulled
	}
	cmd, err := apdu.Parse(raw)
	if err != nil {
		return sw(0x6700).Bytes(), nil
	}
	if c.shortReader && cmd.Extended {
		return nil, errPulled
	}
	if cmd.Extended {
		c.longCommands++
	}
	if c.noLong && cmd.Extended {
		c.session = nil
		return sw(0x6982).Bytes(), nil
	}
	if cmd.INS == 0xC0 && c.pending != nil {
		return c.more(cmd.Le), nil
	}
	if cmd.CLA&0x0C == 0 {
		c.session = nil
		if c.getResponse && cmd.Le > 0 {
			r := c.plain(cmd)
			if len(r.Data) > 20 && r.SW == 0x9000 {
				c.pending = r.Data
				return sw(0x6100 | uint16(min(len(r.Data), 255))).Bytes(), nil
			}
			return r.Bytes(), nil
		}
		return c.plain(cmd).Bytes(), nil
	}
	if c.session == nil {
		return sw(0x6987).Bytes(), nil
	}
	inner, err := c.session.UnwrapCommand(cmd)
	if err != nil {
		c.session = nil
		return sw(0x6988).Bytes(), nil
	}
	if inner.CLA&0x10 != 0 {
		if c.noChains {
			return c.wrap(sw(0x6884))
		}
		c.chained = append(c.chained, inner.Data...)
		return c.wrap(sw(0x9000))
	}
	inner.Data, c.chained = append(c.chained, inner.Data...), nil
	session := c.session // Chip Authentication answers under the old keys
	r := c.application(inner)
	if r.SW == bare {
		c.session = nil
		return sw(0x6F00).Bytes(), nil
	}
	out, err := session.WrapResponse(r)
	if err != nil {
		return nil, err
	}
	if len(out.Data) > 256 && !cmd.Extended {
		c.pending = out.Data
		return sw(0x6100 | uint16(min(len(out.Data), 256)&0xFF)).Bytes(), nil
	}
	return out.Bytes(), nil
}

func (c *chip) wrap(r apdu.Response) ([]byte, error) {
	out, err := c.session.WrapResponse(r)
	return out.Bytes(), err
}

// bare marks an answer that drops secure messaging.
const bare = 0xFFFF

func sw(v uint16) apdu.Response { return apdu.Response{SW: v} }

func (c *chip) more(n int) []byte {
	n = min(n, len(c.pending), 100)
	out := apdu.Response{Data: c.pending[:n], SW: 0x9000}
	if c.pending = c.pending[n:]; len(c.pending) > 0 {
		out.SW = 0x6100 | uint16(min(len(c.pending), 255))
	} else {
		c.pending = nil
	}
	return out.Bytes()
}

// plain answers commands without secure messaging.
func (c *chip) plain(cmd apdu.Command) apdu.Response {
	switch cmd.INS {
	case 0x22:
		return c.setAT(cmd.Data)
	case 0x86:
		return c.authenticate(cmd)
	case 0x84:
		if c.withoutBAC || !c.inApp {
			return sw(0x6D00)
		}
		c.rndIC = random(8)
		return apdu.Response{Data: c.rndIC, SW: 0x9000}
	case 0x82:
		return c.bac(cmd.Data)
	case 0xA4:
		return c.selectPlain(cmd)
	case 0xB0:
		if c.inApp && !c.openToAll {
			return sw(0x6982)
		}
		if cmd.P1 == 0x9C && !c.inApp {
			if c.cardAccessSW != 0 || c.access == nil || c.noSFI {
				return sw(max(c.cardAccessSW, 0x6A82))
			}
			c.current, cmd.P1 = c.access, 0
		}
		return c.readBinary(cmd, int(cmd.P1)<<8|int(cmd.P2))
	}
	return sw(0x6D00)
}

func (c *chip) selectPlain(cmd apdu.Command) apdu.Response {
	switch {
	case cmd.P1 == 4:
		c.inApp = bytes.Equal(cmd.Data, []byte{0xA0, 0, 0, 2, 0x47, 0x10, 1})
		if !c.inApp {
			return sw(0x6A82)
		}
		return sw(0x9000)
	case cmd.P1 == 0 && (len(cmd.Data) == 0 || bytes.Equal(cmd.Data, []byte{0x3F, 0})):
		if c.mfStatus != 0 {
			return sw(c.mfStatus)
		}
		c.inApp, c.needsMF, c.current = false, false, nil
		return sw(0x9000)
	case c.openToAll && c.inApp:
		return c.selectEF(cmd.Data)
	case c.inApp:
		return sw(0x6982)
	case c.cardAccessSW != 0:
		return sw(c.cardAccessSW)
	case bytes.Equal(cmd.Data, []byte{0x2F, 1}) && c.info2F01 != nil && cmd.P1 == 2:
		c.current = c.info2F01
		return sw(0x9000)
	case !bytes.Equal(cmd.Data, []byte{1, 0x1C}) || c.access == nil || c.needsMF || cmd.P1 != 2:
		return sw(0x6A82)
	}
	c.current = c.access
	return sw(0x9000)
}

func (c *chip) selectEF(name []byte) apdu.Response {
	if len(name) != 2 {
		return sw(0x6A80)
	}
	id := emrtd.FileID(name[0])<<8 | emrtd.FileID(name[1])
	if id == c.bareError {
		return sw(bare)
	}
	b, ok := c.files[id]
	if !ok {
		return sw(0x6A82)
	}
	c.current = b
	return sw(0x9000)
}

// application answers commands under secure messaging.
func (c *chip) application(cmd apdu.Command) apdu.Response {
	switch {
	case cmd.INS == 0xA4 && cmd.P1 == 4:
		return c.selectPlain(cmd)
	case !c.inApp && c.security != nil && cmd.INS == 0xB0 && (cmd.P1 == 0x9D || cmd.P1&0x80 == 0):
		if cmd.P1 == 0x9D {
			c.current, cmd.P1 = c.security, 0
		}
		return c.readBinary(cmd, int(cmd.P1)<<8|int(cmd.P2))
	case !c.inApp:
		return sw(0x6982)
	case c.keys != nil && (cmd.INS == 0x22 || cmd.INS == 0x86 || cmd.INS == 0x88):
		return c.keys.answer(c, cmd)
	case cmd.INS == 0xA4 && cmd.P1 == 2 && c.noSelect:
		return sw(0x6A82)
	case cmd.INS == 0xA4 && cmd.P1 == 2:
		if cmd.Data[1] == 3 || cmd.Data[1] == 4 {
			return sw(0x6982)
		}
		return c.selectEF(cmd.Data)
	case cmd.INS == 0xB0 && cmd.P1&0x80 != 0:
		if c.noSFI {
			return sw(0x6A86)
		}
		if c.bareSFI {
			return sw(bare)
		}
		id := emrtd.FileID(0x0100 | uint16(cmd.P1&0x1F))
		if r := c.selectEF([]byte{byte(id >> 8), byte(id)}); r.SW != 0x9000 {
			return r
		}
		return c.readBinary(cmd, int(cmd.P2))
	case cmd.INS == 0xB0:
		return c.readBinary(cmd, int(cmd.P1)<<8|int(cmd.P2))
	case cmd.INS == 0xB1:
		do, _, err := tlv.Next(cmd.Data)
		if err != nil || do.Tag != 0x54 {
			return sw(0x6A80)
		}
		offset := 0
		for _, v := range do.Value {
			offset = offset<<8 | int(v)
		}
		cmd.Le -= 4
		r := c.readBinary(cmd, offset)
		if r.SW == 0x9000 {
			r.Data = tlv.Encode(0x53, r.Data)
		}
		return r
	}
	return sw(0x6D00)
}

func (c *chip) readBinary(cmd apdu.Command, offset int) apdu.Response {
	if c.current == nil {
		return sw(0x6986)
	}
	key := string(c.current[:1]) + string(rune(cmd.INS))
	if c.wrongLe && !c.asked[key] {
		if c.asked == nil {
			c.asked = map[string]bool{}
		}
		c.asked[key] = true
		return sw(0x6C40)
	}
	n, left := cmd.Le, len(c.current)-offset
	switch {
	case left <= 0, c.strictEnd && n > left:
		return sw(0x6B00)
	case c.wholeOnly && n > 256 && n != 65536:
		if c.longInClear {
			return sw(bare)
		}
		return sw(0x6700)
	case c.maxRead > 0 && n > c.maxRead:
		return sw(0x6700)
	}
	status := uint16(0x9000)
	if c.endWarning && n > left {
		status = 0x6282
	}
	n = min(n, left)
	if c.cutTo > 0 {
		n = min(n, c.cutTo)
	}
	return apdu.Response{Data: c.current[offset : offset+n], SW: status}
}
