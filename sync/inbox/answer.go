package inbox

import (
	"encoding/json"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Next returns the oldest command that has no reply; it stays until Answer. A
// command that cannot be decrypted any more (the key is gone) is answered so.
func (in *Inbox) Next() (wire.Command, bool, error) {
	for {
		var number, sealed []byte
		err := in.db.View(func(tx *bolt.Tx) error {
			k, v := tx.Bucket(bucketWaiting).Cursor().First()
			number, sealed = clone(k), clone(v)
			return nil
		})
		if err != nil {
			return wire.Command{}, false, fmt.Errorf("look for a command: %w", classify(err))
		}
		if len(number) == 0 {
			return wire.Command{}, false, nil
		}
		var c wire.Command
		plain, err := in.opt.Box.Open("command", sealed)
		if err == nil {
			err = json.Unmarshal(plain, &c)
		}
		if err == nil {
			return c, true, nil
		}
		in.opt.Log.Error("a command cannot be read any more", "err", err)
		if err := in.answer(number, wire.Reply{Text: "the device cannot read this command any more; send it again under another id"}); err != nil {
			return wire.Command{}, false, err
		}
	}
}

// Answer notes how a command went; its reply waits to be sent. Data above
// MaxReply is left out, and the text says so.
func (in *Inbox) Answer(id string, r wire.Reply) error {
	var number []byte
	err := in.db.View(func(tx *bolt.Tx) error {
		number = clone(tx.Bucket(bucketIDs).Get([]byte(id)))
		if number == nil || tx.Bucket(bucketWaiting).Get(number) == nil {
			return ErrUnknown
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("answer a command: %w", classify(err))
	}
	r.ID = id
	if len(r.Data) > MaxReply {
		r.Data, r.Text = nil, joinText(r.Text, "the data were too large to send")
	}
	err = in.answer(number, r)
	if errors.Is(err, ErrFull) && r.Data != nil {
		r.Data, r.Text = nil, joinText(r.Text, "there was no room for the data")
		err = in.answer(number, r)
	}
	return err
}

func joinText(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func (in *Inbox) answer(number []byte, r wire.Reply) error {
	err := in.db.Update(func(tx *bolt.Tx) error {
		if r.ID == "" {
			r.ID = idOf(tx, number)
		}
		if err := in.putReply(tx, number, r); err != nil {
			return err
		}
		if err := errors.Join(tx.Bucket(bucketWaiting).Delete(number), tx.Bucket(bucketOut).Put(number, nil)); err != nil {
			return err
		}
		return in.prune(tx)
	})
	if err != nil {
		return fmt.Errorf("keep a reply: %w", classify(err))
	}
	in.signal()
	return nil
}

// idOf finds the id of a number, for a command that cannot be read.
func idOf(tx *bolt.Tx, number []byte) string {
	c := tx.Bucket(bucketIDs).Cursor()
	for id, n := c.First(); id != nil; id, n = c.Next() {
		if string(n) == string(number) {
			return string(id)
		}
	}
	return ""
}

func (in *Inbox) putReply(tx *bolt.Tx, number []byte, r wire.Reply) error {
	plain, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the reply: %w", wire.ErrFormat)
	}
	sealed, err := in.opt.Box.Seal("reply", plain)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketReplies).Put(number, sealed)
}

func (in *Inbox) readReply(sealed []byte) (wire.Reply, error) {
	plain, err := in.opt.Box.Open("reply", sealed)
	if err != nil {
		return wire.Reply{}, err
	}
	var r wire.Reply
	return r, json.Unmarshal(plain, &r)
}

// prune forgets the oldest ids above the number that is kept.
func (in *Inbox) prune(tx *bolt.Tx) error {
	replies := tx.Bucket(bucketReplies)
	newest := tx.Bucket(bucketMeta).Sequence()
	if newest < uint64(in.opt.Kept) {
		return nil
	}
	oldest := string(numberKey(newest - uint64(in.opt.Kept) + 1))
	var stale [][]byte
	c := replies.Cursor()
	for k, _ := c.First(); k != nil && string(k) < oldest; k, _ = c.Next() {
		stale = append(stale, clone(k))
	}
	if len(stale) == 0 {
		return nil
	}
	gone := map[string]bool{}
	for _, k := range stale {
		gone[string(k)] = true
		if err := errors.Join(replies.Delete(k), tx.Bucket(bucketOut).Delete(k)); err != nil {
			return err
		}
	}
	var ids [][]byte
	c = tx.Bucket(bucketIDs).Cursor()
	for id, n := c.First(); id != nil; id, n = c.Next() {
		if gone[string(n)] {
			ids = append(ids, clone(id))
		}
	}
	for _, id := range ids {
		if err := tx.Bucket(bucketIDs).Delete(id); err != nil {
			return err
		}
	}
	return nil
}

// Replies returns at most max replies that are to be sent, the oldest first. One
// that cannot be read any more is dropped.
func (in *Inbox) Replies(max int) []wire.Reply {
	var list []wire.Reply
	var unreadable [][]byte
	err := in.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketOut).Cursor()
		for k, _ := c.First(); k != nil && len(list) < max; k, _ = c.Next() {
			r, err := in.readReply(tx.Bucket(bucketReplies).Get(k))
			if err != nil {
				unreadable = append(unreadable, clone(k))
				continue
			}
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		in.opt.Log.Error("replies not read", "err", classify(err))
	}
	if len(unreadable) > 0 {
		in.opt.Log.Error("replies that cannot be read any more are dropped", "count", len(unreadable))
		_ = in.db.Update(func(tx *bolt.Tx) error {
			for _, k := range unreadable {
				if err := tx.Bucket(bucketOut).Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return list
}

// Replied notes that the reply is out. It is remembered for a repeated command,
// without its data when these are large.
func (in *Inbox) Replied(id string) error {
	err := in.db.Update(func(tx *bolt.Tx) error {
		number := clone(tx.Bucket(bucketIDs).Get([]byte(id)))
		if number == nil || tx.Bucket(bucketReplies).Get(number) == nil {
			return nil // forgotten meanwhile
		}
		if err := tx.Bucket(bucketOut).Delete(number); err != nil {
			return err
		}
		r, err := in.readReply(tx.Bucket(bucketReplies).Get(number))
		if err != nil || len(r.Data) <= keepReplyBytes {
			return nil
		}
		r.Data, r.Text = nil, joinText(r.Text, "the data were sent before and are not kept")
		return in.putReply(tx, number, r)
	})
	if err != nil {
		return fmt.Errorf("note that a reply is out: %w", classify(err))
	}
	in.signal()
	return nil
}
