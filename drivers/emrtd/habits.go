package emrtd

import (
	"context"
	"errors"
	"sync"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/tlv"
)

// habits is what is known of the lengths that a card takes, over the reader it lies on.
type habits struct {
	extended bool // it takes extended length
	refused  bool // it, or its reader, does not, whatever it says
	whole    bool // with extended length it takes no other Le than 0000
	size     int  // bytes that could be asked for at once; 0 for not known
	reads    int  // since it was learned
}

// maxHabits bounds how many kinds of cards are remembered; after tryAgainAfter reads a
// refusal is put to the test: it may have been of one card only.
const (
	maxHabits     = 64
	tryAgainAfter = 20
)

// known remembers the habits of cards between the reads of one process, by ATR and reader.
var known struct {
	sync.Mutex
	by map[string]habits
}

// kindOf names the kind of a card by its ATR and its reader, "" for one that does not say
// both: there nothing is remembered.
func kindOf(card Transceiver) string {
	c, ok := card.(interface {
		ATR() []byte
		Name() string
	})
	if !ok || len(c.ATR()) == 0 {
		return ""
	}
	return string(c.ATR()) + "\x00" + c.Name()
}

func recall(kind string) (habits, bool) {
	known.Lock()
	defer known.Unlock()
	h, ok := known.by[kind]
	if ok && h.refused {
		if h.reads++; h.reads > tryAgainAfter {
			delete(known.by, kind)
			return habits{}, false
		}
		known.by[kind] = h
	}
	return h, ok
}

func remember(kind string, h habits) {
	if kind == "" {
		return
	}
	known.Lock()
	defer known.Unlock()
	if known.by == nil || len(known.by) >= maxHabits {
		known.by = map[string]habits{}
	}
	known.by[kind] = h
}

// recallHabits sets the reader up for the card: as it was met before, else as its ATR
// says. Where the ATR says nothing, EF.ATR/INFO is asked for later.
func (r *reader) recallHabits(card Transceiver) {
	r.kind = kindOf(card)
	if h, ok := recall(r.kind); ok {
		r.met, r.refused, r.askedLengths, r.saidLengths = h, h.refused, true, true
		r.extended, r.whole, r.size = h.extended && !h.refused, h.whole, h.size
		return
	}
	if c, ok := card.(interface{ ATR() []byte }); ok {
		extended, said := lengthsInATR(c.ATR())
		r.extended, r.saidLengths, r.askedLengths = extended, said, said || len(c.ATR()) == 0
		return
	}
	r.askedLengths = true
}

// learn remembers what a whole read has shown. A length that a card took with short commands
// is chosen anew each time, unless it is one of the small ones.
func (r *reader) learn() {
	h := habits{extended: r.extended, refused: r.refused, whole: r.whole, size: r.size}
	if h.refused && r.met.refused {
		h.reads = r.met.reads
	}
	if !r.extended && r.size >= shortProof {
		h.size = 0
	}
	remember(r.kind, h)
}

// refuseLong goes back to short length.
func (r *reader) refuseLong() { r.extended, r.refused, r.whole, r.size = false, true, false, 0 }

// readLengths asks EF.ATR/INFO (Doc 9303-10 §3.11.1) for the lengths that the card takes, in
// clear and before access control. No answer is as good as any.
func (r *reader) readLengths(ctx context.Context) error {
	if r.askedLengths {
		return nil
	}
	r.askedLengths = true
	a, err := r.exchange(ctx, apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{0x2F, 0x01}, Le: apdu.NoLe})
	if err != nil || a.SW != 0x9000 {
		return err
	}
	if a, err = r.exchange(ctx, apdu.Command{INS: 0xB0, Le: 256}); err != nil {
		return err
	}
	if extended, largest, ok := lengthsInInfo(a.Data); ok {
		r.extended, r.saidLengths = extended, true
		r.size = largest
	}
	return nil
}

// tryLong asks for the next file with extended length, of a kind of card that is not known
// yet and says nowhere whether it takes that. Le = 0000 is what most such cards take.
func (r *reader) tryLong() {
	if r.kind == "" || r.saidLengths || r.extended || r.refused {
		return
	}
	r.trial, r.extended, r.whole, r.size = true, true, true, wholeFile
}

// settleTrial makes a habit of what became of tryLong with the last file. A file that the chip
// does not have says nothing about it.
func (r *reader) settleTrial() {
	switch {
	case !r.trial:
	case !r.extended, !r.whole:
		r.trial = false
		r.refuseLong()
	case r.longSeen:
		r.trial = false
	}
}

// endTrial goes back to short length where no file settled it.
func (r *reader) endTrial() {
	if r.trial {
		r.trial, r.extended, r.whole, r.size = false, false, false, 0
	}
}

// lengthsInInfo reads EF.ATR/INFO: the card capabilities 47 and the extended length
// information 7F66 { command, answer } (ISO/IEC 7816-4 §12.7.1). largest is how many bytes
// of a file an answer carries under secure messaging, 0 when the card does not say.
func lengthsInInfo(b []byte) (extended bool, largest int, ok bool) {
	for len(b) > 0 && b[0] != 0 && b[0] != 0xFF {
		n, rest, err := tlv.Next(b)
		if err != nil {
			break
		}
		switch n.Tag {
		case 0x47:
			if len(n.Value) >= 3 {
				extended, ok = n.Value[2]&0x40 != 0, true
			}
		case 0x7F66:
			if longest, err := longestAnswer(n.Value); err == nil && longest > 256 {
				extended, ok, largest = true, true, fitsAnswer(longest)
			}
		}
		b = rest
	}
	if largest > extendedSizes[0] {
		largest = 0
	}
	return extended, largest, ok
}

var errNoLengths = errors.New("no lengths")

func longestAnswer(b []byte) (int, error) {
	var numbers []int
	for len(b) > 0 {
		n, rest, err := tlv.Next(b)
		if err != nil {
			return 0, err
		}
		if n.Tag != 0x02 || len(n.Value) == 0 || len(n.Value) > 3 {
			return 0, errNoLengths
		}
		v := 0
		for _, x := range n.Value {
			v = v<<8 | int(x)
		}
		numbers, b = append(numbers, v), rest
	}
	if len(numbers) != 2 {
		return 0, errNoLengths
	}
	return numbers[1], nil
}

// fitsAnswer returns how many bytes an answer of n bytes, status word included, carries
// under secure messaging with any cipher.
func fitsAnswer(n int) int {
	const around = 2 + 5 + 4 + 10 // status word; 87 82 LL LL 01; status object; checksum object
	return max(128, (n-around)/16*16-1)
}
