package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"

	"golang.org/x/sys/unix"
)

// bbolt's file format, version 2, in the machine's byte order.
const (
	magic      = 0xED0CDAED
	version    = 2
	headerLen  = 16 // id uint64, flags uint16, count uint16, overflow uint32
	elementLen = 16 // branch: pos, ksize uint32, page uint64; leaf: flags, pos, ksize, vsize uint32
	bucketLen  = 16 // root page uint64, sequence uint64; an inline bucket's page follows
	metaLen    = 64
	maxDepth   = 64

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01

	noFreelist = ^uint64(0)
)

var order = binary.NativeEndian

// meta is the valid meta page of a file.
type meta struct {
	pageSize             uint64
	root, freelist, high uint64
	txid                 uint64
}

// mapped is a file in memory that is being looked at.
type mapped struct {
	data []byte
	meta meta
	seen []uint64 // bit set of pages reached
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// checkFile walks every page that the file's root reaches and returns
// ErrDamaged when one is not what bbolt expects.
func checkFile(f *os.File, size int64) error {
	if size < 4*1024 {
		return damaged("%d bytes", size)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	defer unix.Munmap(data)
	m, err := readMeta(data)
	if err != nil {
		return err
	}
	if m.high < 3 || m.high > uint64(size)/m.pageSize {
		return damaged("%d pages in %d bytes: cut off", m.high, size)
	}
	w := &mapped{data: data, meta: m, seen: make([]uint64, m.high/64+1)}
	if m.freelist != noFreelist {
		if err := w.freelist(m.freelist); err != nil {
			return err
		}
	}
	return w.page(m.root, 0, nil, nil)
}

// readMeta returns the newer of the two meta pages. Both have to be valid and
// of consecutive transactions: with one alone bbolt goes on from the
// transaction before the last, as if what was committed had never been.
func readMeta(data []byte) (meta, error) {
	first, ok := metaAt(data, 0)
	if !ok {
		return meta{}, damaged("the first meta page is not valid")
	}
	second, ok := metaAt(data, first.pageSize)
	if !ok || second.pageSize != first.pageSize {
		return meta{}, damaged("the second meta page is not valid")
	}
	switch {
	case second.txid == first.txid+1:
		return second, nil
	case first.txid == second.txid+1:
		return first, nil
	}
	return meta{}, damaged("meta pages of transactions %d and %d", first.txid, second.txid)
}

func metaAt(data []byte, at uint64) (meta, bool) {
	if at+headerLen+metaLen > uint64(len(data)) {
		return meta{}, false
	}
	b := data[at+headerLen:][:metaLen]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	if order.Uint32(b) != magic || order.Uint32(b[4:]) != version || order.Uint64(b[56:]) != sum.Sum64() {
		return meta{}, false
	}
	m := meta{
		pageSize: uint64(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		high:     order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}
	ok := m.pageSize >= 1024 && m.pageSize <= 1<<16 && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// header is a page's head.
type header struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
}

func readHeader(b []byte) header {
	return header{order.Uint64(b), order.Uint16(b[8:]), order.Uint16(b[10:]), order.Uint32(b[12:])}
}

// take marks a page and its overflow as reached and returns its bytes.
func (w *mapped) take(id uint64) (header, []byte, error) {
	if id < 2 || id >= w.meta.high {
		return header{}, nil, damaged("page %d of %d", id, w.meta.high)
	}
	b := w.data[id*w.meta.pageSize:]
	h := readHeader(b)
	if h.id != id || id+uint64(h.overflow) >= w.meta.high {
		return header{}, nil, damaged("page %d says that it is page %d", id, h.id)
	}
	for p := id; p <= id+uint64(h.overflow); p++ {
		if w.seen[p/64]&(1<<(p%64)) != 0 {
			return header{}, nil, damaged("page %d is used twice", p)
		}
		w.seen[p/64] |= 1 << (p % 64)
	}
	return h, b[:(uint64(h.overflow)+1)*w.meta.pageSize], nil
}

func (w *mapped) freelist(id uint64) error {
	h, b, err := w.take(id)
	if err != nil {
		return err
	}
	n, at := uint64(h.count), uint64(headerLen)
	if h.count == 0xFFFF {
		n, at = order.Uint64(b[headerLen:]), headerLen+8
	}
	if h.flags != flagFreelist || n > (uint64(len(b))-at)/8 {
		return damaged("freelist page %d", id)
	}
	last := uint64(1)
	for i := range n {
		free := order.Uint64(b[at+8*i:])
		if free <= last || free >= w.meta.high {
			return damaged("freelist page %d names page %d", id, free)
		}
		last = free
	}
	return nil
}

// page checks the page and everything below it. Its first key is the one under
// which the parent has it, and all lie below the parent's next one; nil: no
// bound. bbolt would not find a key outside, and list a page twice whose first
// key the parent does not know.
func (w *mapped) page(id uint64, depth int, from, to []byte) error {
	if depth > maxDepth {
		return damaged("deeper than %d pages", maxDepth)
	}
	h, b, err := w.take(id)
	if err != nil {
		return err
	}
	if uint64(h.count)*elementLen > uint64(len(b))-headerLen {
		return damaged("page %d has %d elements", id, h.count)
	}
	switch h.flags {
	case flagBranch:
		return w.branch(h, b, depth, from, to)
	case flagLeaf:
		return w.leaf(h, b, depth, from, to)
	}
	return damaged("page %d is of type %#x", id, h.flags)
}

func (w *mapped) branch(h header, b []byte, depth int, from, to []byte) error {
	if h.count == 0 {
		return damaged("branch page %d is empty", h.id)
	}
	keys := make([][]byte, h.count+1)
	next := headerLen + uint64(h.count)*elementLen
	for i := range int(h.count) {
		at := headerLen + i*elementLen
		pos, size := order.Uint32(b[at:]), order.Uint32(b[at+4:])
		key, ok := slice(b, at, pos, size)
		ok = ok && uint64(at)+uint64(pos) == next && (i > 0 || from == nil || bytes.Equal(key, from))
		next += uint64(size)
		if !ok || (i > 0 && bytes.Compare(keys[i-1], key) >= 0) || !within(key, from, to) {
			return damaged("branch page %d, element %d", h.id, i)
		}
		keys[i] = key
	}
	keys[h.count] = to
	for i := range int(h.count) {
		at := headerLen + i*elementLen
		if err := w.page(order.Uint64(b[at+8:]), depth+1, keys[i], keys[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// within reports whether from ≤ key < to; nil is no bound.
func within(key, from, to []byte) bool {
	return bytes.Compare(key, from) >= 0 && (to == nil || bytes.Compare(key, to) < 0)
}

func (w *mapped) leaf(h header, b []byte, depth int, from, to []byte) error {
	var last []byte
	next := headerLen + uint64(h.count)*elementLen // keys and values lie one behind the other
	for i := range int(h.count) {
		flags, key, value, ok := leafElement(b, i)
		at := headerLen + i*elementLen
		ok = ok && uint64(at)+uint64(order.Uint32(b[at+4:])) == next && (i > 0 || from == nil || bytes.Equal(key, from))
		next += uint64(len(key) + len(value))
		if !ok || flags > flagBucket || (i > 0 && bytes.Compare(last, key) >= 0) || !within(key, from, to) {
			return damaged("leaf page %d, element %d", h.id, i)
		}
		last = key
		if flags != flagBucket {
			continue
		}
		if len(value) < bucketLen {
			return damaged("leaf page %d, bucket %d", h.id, i)
		}
		if root := order.Uint64(value); root != 0 {
			if err := w.page(root, depth+1, nil, nil); err != nil {
				return err
			}
		} else if err := w.inline(value[bucketLen:], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// inline checks a small bucket that lies within its parent's leaf.
func (w *mapped) inline(b []byte, depth int) error {
	if len(b) < headerLen || depth > maxDepth {
		return damaged("an inline bucket of %d bytes", len(b))
	}
	h := readHeader(b)
	if h.id != 0 || h.overflow != 0 { // bbolt would free the page of that number
		return damaged("an inline bucket says that it is page %d", h.id)
	}
	if h.flags != flagLeaf || int(h.count)*elementLen > len(b)-headerLen {
		return damaged("an inline bucket with %d elements", h.count)
	}
	return w.leaf(h, b, depth, nil, nil)
}

// leafElement returns the flags, key and value of a leaf's element.
func leafElement(b []byte, i int) (flags uint32, key, value []byte, ok bool) {
	at := headerLen + i*elementLen
	if at+elementLen > len(b) {
		return 0, nil, nil, false
	}
	pos, ksize, vsize := order.Uint32(b[at+4:]), order.Uint32(b[at+8:]), order.Uint32(b[at+12:])
	both, ok := slice(b, at, pos, ksize+vsize)
	if !ok || ksize > 1<<16 || vsize > 1<<31-1-ksize {
		return 0, nil, nil, false
	}
	return order.Uint32(b[at:]), both[:ksize], both[ksize:], true
}

// slice returns n bytes at pos counted from at.
func slice(b []byte, at int, pos, n uint32) ([]byte, bool) {
	from := uint64(at) + uint64(pos)
	if from+uint64(n) > uint64(len(b)) {
		return nil, false
	}
	return b[from:][:n], true
}
