package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tram/drivers/emrtd"
)

// readsKeyFile is the key with which this device seals the outcome of a read that
// it saves, so that it can believe it later.
const readsKeyFile = "reads.key"

const readsKeySize = 32

// readsKey returns the device's key for saved reads; nil when there is none and
// none is to be made.
func readsKey(cmd *cobra.Command, create bool) ([]byte, error) {
	path := filepath.Join(stateDir(cmd), readsKeyFile)
	key, err := os.ReadFile(path)
	switch {
	case err == nil && len(key) == readsKeySize:
		return key, nil
	case err == nil:
		return nil, fmt.Errorf("read %s: it has %d bytes, want %d", path, len(key), readsKeySize)
	case !errors.Is(err, fs.ErrNotExist):
		if create {
			return nil, fmt.Errorf("read the key of saved reads: %w", err)
		}
		return nil, nil // another user's state folder: the outcome counts as sealed elsewhere
	case !create:
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the key of saved reads: %w", err)
	}
	key = make([]byte, readsKeySize)
	_, _ = rand.Read(key) // never fails
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the key of saved reads: %w", err)
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("make the key of saved reads: %w", err)
	}
	return key, nil
}

// saveDocument saves a read. Without a key it is saved too: only what the chip
// proved by Chip Authentication cannot be believed later.
func saveDocument(cmd *cobra.Command, term terminal, dir string, doc *emrtd.Document) error {
	key, err := readsKey(cmd, true)
	if err != nil {
		fmt.Fprintf(term.err, "note: the outcome of Chip Authentication is saved unsealed: %v\n", err)
	}
	if err := emrtd.SaveDocument(dir, doc, key); err != nil {
		return fmt.Errorf("save the files: %w", err)
	}
	return nil
}
