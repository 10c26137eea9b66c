package boltfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Scan goes through the leaf pages of a file that may be damaged, reached by
// its root or not, and calls found for every key and value that lies within
// its page. It therefore also finds what was deleted and not yet overwritten,
// and bytes that are no longer what was written: the caller must be able to
// tell. Key and value are valid during the call only.
func Scan(path string, found func(key, value []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < headerLen {
		return nil
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("map %s: %w", path, err)
	}
	defer unix.Munmap(data)
	size := uint64(os.Getpagesize())
	if m, err := readMeta(data); err == nil {
		size = m.pageSize
	}
	for id := uint64(2); (id+1)*size <= uint64(len(data)); id++ {
		b := data[id*size:]
		h := readHeader(b)
		if h.id != id || h.flags != flagLeaf {
			continue
		}
		end := min((uint64(h.overflow)+1)*size, uint64(len(b)))
		scanLeaf(b[:end], int(h.count), found)
	}
	return nil
}

func scanLeaf(b []byte, count int, found func(key, value []byte)) {
	for i := range count {
		flags, key, value, ok := leafElement(b, i)
		switch {
		case !ok:
		case flags&flagBucket == 0:
			found(key, value)
		case len(value) >= bucketLen+headerLen && order.Uint64(value) == 0:
			inline := value[bucketLen:]
			h := readHeader(inline)
			for j := range int(h.count) {
				if f, k, v, ok := leafElement(inline, j); ok && f == 0 {
					found(k, v)
				}
			}
		}
	}
}
