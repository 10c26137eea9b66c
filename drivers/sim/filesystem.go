package sim

import (
	"bytes"
	"encoding/binary"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/tlv"
)

// maxAnswer bounds the bytes of one answer: with secure messaging around them
// they must fit a frame of the virtual reader, 65,535 bytes.
const maxAnswer = 65_000

// selectFile is SELECT. The master file cannot be selected on the Vietnamese
// card: 6D00.
func (c *Card) selectFile(cmd apdu.Command) apdu.Response {
	sw := c.selected(cmd)
	if sw == swOK && cmd.P2&0x0C != 0x0C && cmd.Le != apdu.NoLe {
		return apdu.Response{Data: tlv.Encode(0x6F), SW: swOK} // file control information, of which there is none
	}
	return status(sw)
}

func (c *Card) selected(cmd apdu.Command) uint16 {
	switch cmd.P1 {
	case 0x00:
		if !c.set.masterFile {
			return swUnknownINS
		}
		if len(cmd.Data) > 0 && !bytes.Equal(cmd.Data, []byte{0x3F, 0x00}) {
			return swNotFound
		}
		c.application, c.current, c.challenge = false, 0, nil
		return swOK
	case 0x04:
		if !bytes.Equal(cmd.Data, aid) {
			return swNotFound
		}
		c.application, c.current, c.challenge = true, 0, nil
		return swOK
	case 0x02:
		if len(cmd.Data) != 2 {
			return swLength
		}
		return c.open(binary.BigEndian.Uint16(cmd.Data))
	}
	return swWrongP1P2
}

// open makes a file the current one if it may be read now. The files of the
// master file are EF.CardAccess and EF.DIR, which anyone may read, and
// EF.CardSecurity, for those who have access.
func (c *Card) open(file uint16) uint16 {
	folder := c.files
	if !c.application {
		folder = c.master
	}
	_, exists := folder[file]
	_, above := c.master[file]
	switch {
	case c.set.denied[file] != 0 && c.session != nil:
		return c.set.denied[file]
	case !c.application && exists && (file != FileCardSecurity || c.session != nil):
	case !c.application && c.session == nil && c.files[file] != nil:
		return swSecurity
	case c.application && above && !exists && file == FileCardAccess:
		return swSecurity // seen where the application is selected already
	case !exists:
		return swNotFound
	case c.session == nil && !c.set.open, file == FileDG3, file == FileDG4: // biometrics want Terminal Authentication
		return swSecurity
	}
	c.current = file
	return swOK
}

// content returns the current file.
func (c *Card) content() []byte {
	if !c.application {
		return c.master[c.current]
	}
	return c.files[c.current]
}

// readBinary is READ BINARY with offsets in P1 and P2, with a short file
// identifier in P1, or (odd instruction) with the offset in a data object.
func (c *Card) readBinary(cmd apdu.Command) apdu.Response {
	if cmd.Le == apdu.NoLe {
		return status(swLength)
	}
	offset := uint64(cmd.P1)<<8 | uint64(cmd.P2)
	switch {
	case cmd.INS == 0xB1:
		if offset != 0 {
			return status(swWrongP1P2)
		}
		do, rest, err := tlv.Next(cmd.Data)
		if err != nil || len(rest) > 0 || do.Tag != 0x54 || len(do.Value) == 0 || len(do.Value) > 4 {
			return status(swWrongData)
		}
		for _, b := range do.Value {
			offset = offset<<8 | uint64(b)
		}
	case cmd.P1&0x80 != 0:
		if cmd.P1&0x60 != 0 || c.set.noSFI {
			return status(swWrongP1P2)
		}
		if sw := c.open(0x0100 | uint16(cmd.P1&0x1F)); sw != swOK {
			return status(sw)
		}
		offset = uint64(cmd.P2)
	}
	if c.current == 0 {
		return status(swNoFile)
	}
	// The way here was open once; it closes when secure messaging ends.
	if sw := c.open(c.current); sw != swOK {
		return status(sw)
	}
	if limit := c.frameRoom(); limit > 0 && cmd.Le > limit {
		return status(swLength)
	}
	if limit := c.set.maxAnswer; limit > 0 {
		cmd.Le = min(cmd.Le, limit)
	}
	data, sw := c.read(offset, c.room(cmd), cmd.Le)
	if cmd.INS == 0xB1 && len(data) > 0 {
		data = tlv.Encode(0x53, data)
	}
	return apdu.Response{Data: data, SW: sw}
}

// room returns how many bytes of a file the answer to cmd can carry.
func (c *Card) room(cmd apdu.Command) int {
	room := min(cmd.Le, maxAnswer)
	if !cmd.Extended && c.session != nil {
		room = min(room, c.session.MaxShortRead())
	}
	if cmd.INS == 0xB1 {
		room = max(1, room-4) // the object around the data
	}
	return room
}

// frameRoom returns the bytes of a file that fit an answer of the option
// FrameLimit, 0 without the option.
func (c *Card) frameRoom() int {
	limit := c.set.frameLimit
	if limit == 0 || c.session == nil {
		return limit
	}
	// Around the data stand the cryptogram's header, status and checksum.
	block := c.session.Cipher().BlockSize()
	return max(1, (limit-18)/block*block-1)
}

// read cuts room bytes out of the current file. Fewer bytes than the Le that
// was asked for, unless that was "as many as there are", are announced by 6282.
func (c *Card) read(offset uint64, room, le int) ([]byte, uint16) {
	if c.set.hostile[c.current] {
		return endless(c.content(), offset, room), swOK
	}
	file := c.content()
	if n := c.set.longer[c.current]; n > 0 {
		file = claimMore(file, n)
	}
	if offset >= uint64(len(file)) {
		return nil, swOffset
	}
	rest := file[offset:]
	if len(rest) >= room {
		return rest[:room], swOK
	}
	switch {
	case c.set.strictEnd == 0x6C00 && len(rest) < 256:
		return nil, 0x6C00 | uint16(len(rest))
	case c.set.strictEnd != 0 && c.set.strictEnd != 0x6C00:
		return nil, c.set.strictEnd
	case le == 256 || le == 65536:
		return rest, swOK
	}
	return rest, swEndOfFile
}

// claimMore makes a file's header say that it is n bytes longer than it is.
func claimMore(file []byte, n int) []byte {
	h, err := tlv.ReadHeader(file)
	if err != nil {
		return file
	}
	out := []byte{file[0], 0x83, 0, 0, 0}
	length := h.Length + n
	out[2], out[3], out[4] = byte(length>>16), byte(length>>8), byte(length)
	return append(out, file[h.Size:]...)
}

// endless is a file whose length says 4 GB and which has bytes at every offset.
func endless(file []byte, offset uint64, n int) []byte {
	head := append([]byte{file[0]}, 0x84, 0xFF, 0xFF, 0xFF, 0xFF)
	out := make([]byte, n)
	if offset < uint64(len(head)) {
		copy(out, head[offset:])
	}
	return out
}
