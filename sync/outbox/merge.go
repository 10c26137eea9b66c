package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// count is a count record in clear: counts are no personal data, so the outbox
// keeps them beside the sealed records to be able to add them up.
type count struct {
	Type    string                     `json:"type"`
	Subject string                     `json:"subject,omitempty"`
	Time    time.Time                  `json:"time"`
	Data    map[string]json.RawMessage `json:"data"`
}

// The members of a count's data that are neither added nor compared.
const (
	memberFrom   = "from"   // begin of the period: the first one's stays
	memberTo     = "to"     // its end: the last one's stays
	memberMerged = "merged" // how many records a sum stands for; absent: one
	memberInside = "inside" // who is there at the end: the last one's stays
)

// newCount returns nil when the data is no object: such a count is not merged.
func newCount(d *Draft, at time.Time, data []byte) *count {
	c := &count{Type: d.Type, Subject: d.Subject, Time: at}
	if json.Unmarshal(data, &c.Data) != nil || c.Data == nil {
		return nil
	}
	return c
}

// number returns a member that is added up: an integer.
func number(v json.RawMessage) (*big.Int, bool) {
	return new(big.Int).SetString(string(v), 10)
}

// numbers returns a member that is added up name by name: an object that holds
// nothing but integers, or such objects.
func numbers(v json.RawMessage) (map[string]json.RawMessage, bool) {
	var all map[string]json.RawMessage
	if len(v) == 0 || v[0] != '{' || json.Unmarshal(v, &all) != nil {
		return nil, false
	}
	for _, m := range all {
		if _, ok := number(m); ok {
			continue
		}
		if _, ok := numbers(m); !ok {
			return nil, false
		}
	}
	return all, true
}

// summed reports whether a member is added up, and so does not tell counts apart.
func summed(v json.RawMessage) bool {
	if _, ok := number(v); ok {
		return true
	}
	_, ok := numbers(v)
	return ok
}

// line returns what counts have in common that may be added up: everything but
// their numbers and their period. An object of numbers may be absent in one of
// them: it is then an empty one.
func (c *count) line() [sha256.Size]byte {
	names := make([]string, 0, len(c.Data))
	for name := range c.Data {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", c.Type, c.Subject)
	for _, name := range names {
		v := c.Data[name]
		_, object := numbers(v)
		switch {
		case object || name == memberFrom || name == memberTo || name == memberMerged:
		case summed(v):
			fmt.Fprintf(h, "%q +\n", name)
		default:
			fmt.Fprintf(h, "%q %q\n", name, v)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// add takes the later count o, of the same line, into c.
func (c *count) add(o *count) {
	one := big.NewInt(1)
	merged := [2]*big.Int{one, one}
	for i, d := range []*count{c, o} {
		if n, ok := number(d.Data[memberMerged]); ok {
			merged[i] = n
		}
	}
	sum := addMembers(c.Data, o.Data)
	if to, ok := o.Data[memberTo]; ok {
		sum[memberTo] = to
	}
	sum[memberMerged] = json.RawMessage(new(big.Int).Add(merged[0], merged[1]).String())
	c.Data, c.Time = sum, o.Time
}

// addMembers adds up what can be added; of all else the first one's stays.
func addMembers(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	sum := maps.Clone(a)
	for name, v := range b {
		was, known := sum[name]
		if !known || name == memberInside {
			sum[name] = v
			continue
		}
		if n, ok := number(was); ok {
			if m, ok := number(v); ok {
				sum[name] = json.RawMessage(new(big.Int).Add(n, m).String())
			}
			continue
		}
		x, okX := numbers(was)
		y, okY := numbers(v)
		if !okX || !okY {
			continue
		}
		if both, err := json.Marshal(addMembers(x, y)); err == nil {
			sum[name] = both
		}
	}
	return sum
}

// tally adds counts to the sums in the file. What cannot be read there is an
// error: nothing may be added to it.
func tally(tx *bolt.Tx, counts []*count) error {
	b := tx.Bucket(bucketTally)
	for _, c := range counts {
		line := c.line()
		if v := b.Get(line[:]); v != nil {
			var sum count
			if err := guarded(v, &sum); err != nil {
				return fmt.Errorf("the sum of counts is unreadable: %w", err)
			}
			sum.add(c)
			c = &sum
		}
		v, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := b.Put(line[:], guard(v)); err != nil {
			return err
		}
	}
	return nil
}

// lostSums are the sums of counts that a damaged file shows. They are named as
// lost and not taken over: the file shows older states of a sum beside the last,
// and sums that have become records since, which would be counted twice.
type lostSums map[[sha256.Size]byte]*big.Int

// see looks at what lies in the damaged file under a key.
func (l lostSums) see(k, v []byte) {
	var c count
	if len(k) != sha256.Size || guarded(v, &c) != nil || c.Data == nil {
		return
	}
	line := c.line()
	n, ok := number(c.Data[memberMerged])
	if !bytes.Equal(k, line[:]) {
		return
	}
	if !ok {
		n = big.NewInt(1)
	}
	if most := l[line]; most == nil || n.Cmp(most) > 0 {
		l[line] = n
	}
}

// text is what the signed record says of the sums.
func (l lostSums) text() string {
	if len(l) == 0 {
		return ""
	}
	all := new(big.Int)
	for _, n := range l {
		all.Add(all, n)
	}
	return fmt.Sprintf("; of counts that waited to be added up, at most %v in %d sums are lost, as far as the file can be read", all, len(l))
}
