package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

func commandAt(tx *bolt.Tx, number []byte) (Command, error) {
	var c Command
	v := tx.Bucket(bucketCommands).Get(number)
	if v == nil {
		return c, ErrNoCommand
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return c, fmt.Errorf("a command is unreadable: %w", err)
	}
	return c, nil
}

func putCommand(tx *bolt.Tx, number []byte, c Command) error {
	return tx.Bucket(bucketCommands).Put(number, encode(c))
}

// AddCommand implements Store.
func (s *Bolt) AddCommand(_ context.Context, c Command) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketCommandsBy).Get([]byte(c.ID)) != nil {
			return nil
		}
		n, err := tx.Bucket(bucketCommands).NextSequence()
		if err != nil {
			return err
		}
		if err := putCommand(tx, key(n), c); err != nil {
			return err
		}
		if err := tx.Bucket(bucketCommandsBy).Put([]byte(c.ID), key(n)); err != nil {
			return err
		}
		return tx.Bucket(bucketOpen).Put(key(n), nil)
	})
	if err != nil {
		return fmt.Errorf("keep command %s: %w", c.ID, err)
	}
	return nil
}

// Command implements Store.
func (s *Bolt) Command(_ context.Context, id string) (c Command, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		number := tx.Bucket(bucketCommandsBy).Get([]byte(id))
		if number == nil {
			return ErrNoCommand
		}
		var err error
		if c, err = commandAt(tx, number); err != nil {
			return err
		}
		d, err := loadDevice(tx, c.Device)
		c.Site, c.Plain = d.Site, d.Plain
		return err
	})
	if err != nil {
		return Command{}, fmt.Errorf("command %s: %w", id, err)
	}
	return c, nil
}

// Claim implements Store.
func (s *Bolt) Claim(_ context.Context, device string, now, again time.Time, limit int) ([]Command, error) {
	var list []Command
	due := func(tx *bolt.Tx) (numbers [][]byte, err error) {
		list = list[:0]
		c := tx.Bucket(bucketOpen).Cursor()
		for k, _ := c.First(); k != nil && len(list) < limit; k, _ = c.Next() {
			cmd, err := commandAt(tx, k)
			if err != nil {
				return nil, err
			}
			if device != "" && cmd.Device != device || !cmd.LastSent.Before(again) {
				continue
			}
			d, err := loadDevice(tx, cmd.Device)
			if err != nil {
				return nil, err
			}
			if d.Site == "" || device == "" && !d.Online {
				continue
			}
			cmd.Sent, cmd.LastSent = cmd.Sent+1, now.UTC()
			cmd.Site, cmd.Plain = d.Site, d.Plain
			list = append(list, cmd)
			numbers = append(numbers, append([]byte(nil), k...))
		}
		return numbers, nil
	}
	// Most of the time there is nothing, which is no reason for an fsync.
	err := s.db.View(func(tx *bolt.Tx) error { _, err := due(tx); return err })
	if err == nil && len(list) > 0 {
		err = s.db.Update(func(tx *bolt.Tx) error {
			numbers, err := due(tx)
			for i := range numbers {
				if err == nil {
					err = putCommand(tx, numbers[i], list[i])
				}
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look for commands: %w", err)
	}
	return list, nil
}

// answer notes a device's reply; the first one counts.
func answer(tx *bolt.Tx, a *Answer, now time.Time) error {
	number := tx.Bucket(bucketCommandsBy).Get([]byte(a.ID))
	if number == nil {
		return nil // of a command that this store never gave
	}
	c, err := commandAt(tx, number)
	if err != nil {
		return err
	}
	if c.Device != a.Device || !c.Answered.IsZero() {
		return nil
	}
	c.Answered, c.OK, c.Reply = now.UTC(), a.OK, a.Raw
	if err := putCommand(tx, number, c); err != nil {
		return err
	}
	return tx.Bucket(bucketOpen).Delete(number)
}
