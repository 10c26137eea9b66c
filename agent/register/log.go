package register

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Look is a line of the access log.
type Look struct {
	N     uint64    `json:"n"`
	Time  time.Time `json:"time"`
	Who   string    `json:"who"`
	What  string    `json:"what"`            // "today", "find", "export", "delete", …
	Entry string    `json:"entry,omitempty"` // the entry's id
	Why   string    `json:"why,omitempty"`
	Hash  string    `json:"hash"` // over this line and the one before
}

// Deletion is a line of the log that proves deletions: nothing of a person.
type Deletion struct {
	N     uint64    `json:"n"`
	Time  time.Time `json:"time"`
	Entry string    `json:"entry"` // the entry's id, which names nothing any more
	Kind  string    `json:"kind"`
	Why   string    `json:"why"` // "retention", "request"
	Hash  string    `json:"hash"`
}

// ErrChain means that a log was changed.
var ErrChain = errors.New("the log's chain does not hold")

// digits of a number have no place in a reason.
var digits = regexp.MustCompile(`[0-9][0-9 .\-]{4,}[0-9]`)

const maxReason = 200

func reason(text string) string {
	text = digits.ReplaceAllString(text, "[number]")
	if r := []rune(text); len(r) > maxReason {
		text = string(r[:maxReason])
	}
	return text
}

// appendLog adds a line that is encrypted and bound to the one before.
func (r *Register) appendLog(tx *bolt.Tx, bucket []byte, line func(n uint64) any) error {
	b := tx.Bucket(bucket)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	plain, err := json.Marshal(line(n))
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, n)
	sealed, err := seal(r.logKey, append(bytes.Clone(bucket), key...), plain)
	if err != nil {
		return err
	}
	var before []byte
	if _, v := b.Cursor().Last(); v != nil {
		before = v[:sha256.Size]
	}
	return b.Put(key, append(chain(before, key, sealed), sealed...))
}

func chain(before, key, sealed []byte) []byte {
	h := sha256.New()
	h.Write(before)
	h.Write(key)
	h.Write(sealed)
	return h.Sum(nil)
}

// readLog opens every line; it fails with ErrChain where one was changed, moved
// or taken out.
func (r *Register) readLog(tx *bolt.Tx, bucket []byte, each func(plain []byte, hash string) error) (uint64, error) {
	b := tx.Bucket(bucket)
	var before []byte
	n := uint64(0)
	err := b.ForEach(func(k, v []byte) error {
		n++
		if len(k) != 8 || binary.BigEndian.Uint64(k) != n || len(v) < sha256.Size || !bytes.Equal(v[:sha256.Size], chain(before, k, v[sha256.Size:])) {
			return fmt.Errorf("%w: line %d", ErrChain, n)
		}
		plain, err := unseal(r.logKey, append(bytes.Clone(bucket), k...), v[sha256.Size:])
		if err != nil {
			return fmt.Errorf("%w: line %d", ErrChain, n)
		}
		before = bytes.Clone(v[:sha256.Size])
		return each(plain, hex.EncodeToString(before))
	})
	if err == nil && n != b.Sequence() {
		err = fmt.Errorf("%w: %d lines of %d", ErrChain, n, b.Sequence())
	}
	return n, err
}

// note adds a line to the access log.
func (r *Register) note(who, what, entry, why string) error {
	return r.update("write the access log", func(tx *bolt.Tx) error { return r.noteIn(tx, who, what, entry, why) })
}

func (r *Register) noteIn(tx *bolt.Tx, who, what, entry, why string) error {
	if who == "" {
		return fmt.Errorf("%w: nobody is named who looks", ErrBad)
	}
	at := r.now().UTC()
	return r.appendLog(tx, bucketAccess, func(n uint64) any {
		return Look{N: n, Time: at, Who: reason(who), What: what, Entry: entry, Why: reason(why)}
	})
}

// Note adds a line about something that happened beside the register, such as a
// sign-in.
func (r *Register) Note(who, what, why string) error { return r.note(who, what, "", why) }

// lookAgainAfter is how long a list that a screen keeps open counts as one look.
const lookAgainAfter = time.Minute

// noteLook logs that somebody looks at a list, before they see it.
func (r *Register) noteLook(who, what string) error {
	now := r.now()
	r.lookMu.Lock()
	last, known := r.looked[who+"\x00"+what]
	again := known && now.Sub(last) >= 0 && now.Sub(last) < lookAgainAfter
	if !again {
		if len(r.looked) > 1000 {
			clear(r.looked)
		}
		r.looked[who+"\x00"+what] = now
	}
	r.lookMu.Unlock()
	if again {
		return nil
	}
	return r.note(who, what, "", "")
}

// AccessLog is who looked at what, the newest last.
func (r *Register) AccessLog() ([]Look, error) {
	list := []Look{}
	err := r.view("read the access log", func(tx *bolt.Tx) error {
		_, err := r.readLog(tx, bucketAccess, func(plain []byte, hash string) error {
			var l Look
			err := json.Unmarshal(plain, &l)
			l.Hash = hash
			list = append(list, l)
			return err
		})
		return err
	})
	return list, err
}

// Deletions is the proof of what was deleted, the newest last.
func (r *Register) Deletions() ([]Deletion, error) {
	list := []Deletion{}
	err := r.view("read the deletion log", func(tx *bolt.Tx) error {
		_, err := r.readLog(tx, bucketDeleted, func(plain []byte, hash string) error {
			var d Deletion
			err := json.Unmarshal(plain, &d)
			d.Hash = hash
			list = append(list, d)
			return err
		})
		return err
	})
	return list, err
}

// Verdict is what checking both logs and all entries found.
type Verdict struct {
	Chain     string `json:"chain"` // "ok", "broken"
	Reason    string `json:"reason,omitempty"`
	Access    uint64 `json:"access"`    // lines
	Deletions uint64 `json:"deletions"` // lines
	Entries   int    `json:"entries"`
	Broken    int    `json:"unreadable"` // entries that do not open
}

// Verify checks the chains of both logs and that every entry opens.
func (r *Register) Verify() (Verdict, error) {
	v := Verdict{Chain: "ok"}
	err := r.view("check the register", func(tx *bolt.Tx) error {
		none := func([]byte, string) error { return nil }
		var err, errDeleted error
		v.Access, err = r.readLog(tx, bucketAccess, none)
		v.Deletions, errDeleted = r.readLog(tx, bucketDeleted, none)
		if err = errors.Join(err, errDeleted); err != nil {
			v.Chain, v.Reason = "broken", err.Error()
		}
		all(tx, kindEntry, func(id string) {
			v.Entries++
			if _, err := r.entry(tx, id); err != nil {
				v.Broken++
			}
		})
		return nil
	})
	return v, err
}
