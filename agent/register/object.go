package register

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

const (
	keyBytes   = 32
	nonceBytes = 12
	maxID      = 128
)

// The kinds of objects, the first byte of their names.
const (
	kindEntry   = 'e'
	kindTrip    = 't'
	kindAlarm   = 'a'
	kindRequest = 'r'
	kindList    = 'l'
	kindCount   = 'c'
)

// object is what lies under a name: JSON, and how often it was written.
type object struct {
	Rev  uint64          `json:"rev"`
	Data json.RawMessage `json:"data"`
}

func name(kind byte, id string) []byte { return append([]byte{kind}, id...) }

func labelOf(name []byte) string { return "register " + string(name) }

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts with a nonce in front; name is bound to it.
func seal(key, name, plain []byte) ([]byte, error) {
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceBytes, nonceBytes+len(plain)+a.Overhead())
	_, _ = rand.Read(nonce) // never fails, says crypto/rand
	return a.Seal(nonce, nonce, plain, name), nil
}

var errSealed = errors.New("it does not open with its key")

func unseal(key, name, sealed []byte) ([]byte, error) {
	a, err := gcm(key)
	if err != nil || len(sealed) < nonceBytes {
		return nil, errSealed
	}
	plain, err := a.Open(nil, sealed[:nonceBytes], sealed[nonceBytes:], name)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func openObject(key, name, sealed []byte) (object, error) {
	var o object
	plain, err := unseal(key, name, sealed)
	if err == nil && json.Unmarshal(plain, &o) != nil {
		err = errSealed
	}
	return o, err
}

// get reads an object; ErrUnknown when it is not there or does not open.
func (r *Register) get(tx *bolt.Tx, kind byte, id string, into any) error {
	n := name(kind, id)
	wrapped, sealed := tx.Bucket(bucketKeys).Get(n), tx.Bucket(bucketObjects).Get(n)
	if wrapped == nil || sealed == nil {
		return ErrUnknown
	}
	key, err := r.opt.Box.Open(labelOf(n), wrapped)
	if err != nil {
		return ErrUnknown
	}
	o, err := openObject(key, n, sealed)
	if err != nil || json.Unmarshal(o.Data, into) != nil {
		return ErrUnknown
	}
	return nil
}

// put writes an object under its key, or under a new one.
func (r *Register) put(tx *bolt.Tx, kind byte, id string, v any) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("%w: an id of %d bytes", ErrBad, len(id))
	}
	n := name(kind, id)
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: not to be written as JSON", ErrBad)
	}
	rev, err := tx.Bucket(bucketObjects).NextSequence()
	if err != nil {
		return err
	}
	var key []byte
	if wrapped := tx.Bucket(bucketKeys).Get(n); wrapped != nil {
		if key, err = r.opt.Box.Open(labelOf(n), wrapped); err != nil {
			key = nil
		}
	}
	if key == nil {
		key = make([]byte, keyBytes)
		_, _ = rand.Read(key)
		wrapped, err := r.opt.Box.Seal(labelOf(n), key)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketKeys).Put(n, wrapped); err != nil {
			return err
		}
	}
	plain, err := json.Marshal(object{rev, data})
	if err != nil {
		return err
	}
	sealed, err := seal(key, n, plain)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketObjects).Put(n, sealed)
}

// destroy removes an object and its key. The pages that held them are rewritten
// by scrub.
func destroy(tx *bolt.Tx, kind byte, id string) error {
	n := name(kind, id)
	return errors.Join(tx.Bucket(bucketKeys).Delete(n), tx.Bucket(bucketObjects).Delete(n), tx.Bucket(bucketMeta).Put(metaScrub, []byte{1}))
}

// adopt puts a salvaged object into this file.
func (r *Register) adopt(tx *bolt.Tx, n []byte, o object) error {
	if n[0] == kindEntry {
		var e entry
		if json.Unmarshal(o.Data, &e) != nil {
			return nil
		}
		e.Hash = r.hash(e.Number)
		return r.save(tx, nil, &e)
	}
	if !slices.Contains([]byte{kindTrip, kindAlarm, kindRequest, kindList, kindCount}, n[0]) {
		return nil
	}
	return r.put(tx, n[0], string(n[1:]), o.Data)
}

// hash is what a number is found by.
func (r *Register) hash(number string) []byte {
	number = strings.ToUpper(strings.TrimSpace(number))
	if number == "" {
		return nil
	}
	m := hmac.New(sha256.New, r.index)
	m.Write([]byte(number))
	return m.Sum(nil)[:16]
}

// scan calls each with the ids below a prefix of the index; it may end the scan.
func scan(tx *bolt.Tx, prefix []byte, each func(rest []byte) (more bool)) {
	c := tx.Bucket(bucketIndex).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if !each(k[len(prefix):]) {
			return
		}
	}
}

// all calls each with the ids of a kind of object.
func all(tx *bolt.Tx, kind byte, each func(id string)) {
	c := tx.Bucket(bucketObjects).Cursor()
	for k, _ := c.Seek([]byte{kind}); k != nil && k[0] == kind; k, _ = c.Next() {
		each(string(k[1:]))
	}
}
