package machine

import (
	"bytes"
	"fmt"
)

// archive is what the kernel unpacks before its first program: cpio, "newc"
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	b     bytes.Buffer
	inode int
}

const (
	modeFolder = 0o040755
	modeFile   = 0o100755
)

func (a *archive) folder(name string)            { a.entry(name, modeFolder, nil) }
func (a *archive) file(name string, data []byte) { a.entry(name, modeFile, data) }

func (a *archive) entry(name string, mode int, data []byte) {
	a.inode++
	// magic, inode, mode, uid, gid, links, time, size, device and its own (4), length of the name, checksum
	fmt.Fprintf(&a.b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	a.pad()
	a.b.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.b.Len()%4 != 0 {
		a.b.WriteByte(0)
	}
}

func (a *archive) done() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.b.Bytes()
}
