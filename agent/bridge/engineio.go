package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Packet types of Engine.IO, the first character of each packet.
// (Engine.IO protocol, revisions 3 and 4, "Packet types")
const (
	eioOpen    = '0'
	eioClose   = '1'
	eioPing    = '2'
	eioPong    = '3'
	eioMessage = '4'
	eioUpgrade = '5'
	eioNoop    = '6'
)

// maxPackets is how many packets one request may bring.
const maxPackets = 64

var errPayload = errors.New("not an Engine.IO payload")

// encodePayload joins packets for one answer of the polling transport. Revision
// 4 separates them with 0x1e; revision 3 puts each length in front, as text for
// clients that asked for that (b64), else in the binary form that all its
// clients understand. The packets are ASCII, so that every way to count their
// length agrees.
func encodePayload(revision int, text bool, packets []string) (body []byte, kind string) {
	if revision >= 4 {
		return []byte(strings.Join(packets, "\x1e")), "text/plain; charset=UTF-8"
	}
	var b bytes.Buffer
	for _, p := range packets {
		if text {
			fmt.Fprintf(&b, "%d:%s", len(p), p)
			continue
		}
		b.WriteByte(0) // a string
		for _, digit := range strconv.Itoa(len(p)) {
			b.WriteByte(byte(digit - '0'))
		}
		b.WriteByte(0xff)
		b.WriteString(p)
	}
	if text {
		return b.Bytes(), "text/plain; charset=UTF-8"
	}
	return b.Bytes(), "application/octet-stream"
}

// decodePayload splits what a client posted.
func decodePayload(revision int, body []byte) ([]string, error) {
	switch {
	case len(body) == 0:
		return nil, errPayload
	case revision >= 4:
		list := strings.Split(string(body), "\x1e")
		if len(list) > maxPackets {
			return nil, errPayload
		}
		return list, nil
	case body[0] <= 1:
		return decodeBinary(body)
	}
	return decodeText(body)
}

// decodeBinary reads the packets of revision 3's binary form: 0 for a string, the
// length's digits, 255, the packet. Packets of bytes (1) mean nothing here.
func decodeBinary(body []byte) ([]string, error) {
	var list []string
	for len(body) > 0 {
		end := bytes.IndexByte(body, 0xff)
		if end < 2 || end > 9 || body[0] > 1 || len(list) == maxPackets {
			return nil, errPayload
		}
		n := 0
		for _, digit := range body[1:end] {
			if digit > 9 {
				return nil, errPayload
			}
			n = n*10 + int(digit)
		}
		isText := body[0] == 0
		if body = body[end+1:]; n > len(body) {
			return nil, errPayload
		}
		if isText {
			list = append(list, string(body[:n]))
		}
		body = body[n:]
	}
	return list, nil
}

// decodeText reads revision 3's "LENGTH:PACKET…", where the length counts UTF-16
// units, as browsers do.
func decodeText(body []byte) ([]string, error) {
	units := utf16.Encode([]rune(string(body)))
	var list []string
	for len(units) > 0 {
		n, at := 0, 0
		for ; at < len(units) && units[at] != ':'; at++ {
			if units[at] < '0' || units[at] > '9' || at > 7 {
				return nil, errPayload
			}
			n = n*10 + int(units[at]-'0')
		}
		if at == 0 || at+1+n > len(units) || len(list) == maxPackets {
			return nil, errPayload
		}
		list = append(list, string(utf16.Decode(units[at+1:at+1+n])))
		units = units[at+1+n:]
	}
	return list, nil
}
