package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
)

// Bomb is a whole PNG of side×side black pixels of one bit: some hundred kilobytes
// that become gigabytes where a decoder believes them.
func Bomb(side int) []byte {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	row := make([]byte, 1+(side+7)/8) // the filter, then eight pixels a byte
	for range side {
		_, _ = z.Write(row) // into memory
	}
	_ = z.Close()
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(side)), uint32(side)) //nolint:gosec // a test's own
	b := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range []struct {
		kind string
		data []byte
	}{{"IHDR", append(size, 1, 0, 0, 0, 0)}, {"IDAT", packed.Bytes()}, {"IEND", nil}} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.data))) //nolint:gosec // likewise
		body := append([]byte(c.kind), c.data...)
		b = append(b, body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(body))
	}
	return b
}
