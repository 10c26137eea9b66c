package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// build makes a file with n rows of the given value size and returns its path.
func build(t testing.TB, n, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for begin := 0; begin < n; begin += 500 {
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("rows"))
			if err != nil {
				return err
			}
			for i := begin; i < min(begin+500, n); i++ {
				if err := b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenTakesEveryFileThatBboltWrote(t *testing.T) {
	for _, c := range []struct{ n, size int }{{0, 0}, {1, 10}, {3, 9000}, {5000, 100}} {
		db, err := Open(build(t, c.n, c.size), Options{})
		if err != nil {
			t.Errorf("%d rows of %d bytes: %v", c.n, c.size, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefusesATruncatedFileAndScanFindsWhatIsLeft(t *testing.T) {
	path := build(t, 5000, 100)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("Open of half a file: %v, want ErrDamaged", err)
	}
	kept, err := Aside(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	found := map[uint64]bool{}
	if err := Scan(kept, func(k, v []byte) {
		if len(k) == 8 && len(v) == 100 {
			found[binary.BigEndian.Uint64(k)] = true
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(found) < 1000 {
		t.Errorf("Scan found %d rows in half a file of 5000, want 1000 or more", len(found))
	}
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("a fresh file after Aside: %v", err)
	}
	_ = db.Close()
}

func TestNoFlippedByteEndsTheProcess(t *testing.T) {
	path := build(t, 2000, 60)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 150 {
		bad := bytes.Clone(good)
		for range 1 + rng.IntN(4) {
			page := rng.IntN(len(bad)/4096) * 4096
			bad[page+rng.IntN(64)] ^= byte(1 + rng.IntN(255))
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(path, Options{})
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("Open of a damaged file: %v, want ErrDamaged", err)
			}
			refused++
			continue
		}
		err = db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte("rows"))
			if b == nil {
				return nil
			}
			return b.ForEach(func(_, _ []byte) error { return nil })
		})
		if err != nil {
			t.Errorf("read: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("no damaged file was refused")
	}
}

func TestASecondOpenerIsToldThatTheFileIsBusy(t *testing.T) {
	path := build(t, 1, 1)
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, ErrBusy) {
		t.Errorf("second Open: %v, want ErrBusy", err)
	}
}

func FuzzCheck(f *testing.F) {
	b, err := os.ReadFile(build(f, 20, 10))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:8192])
	path := filepath.Join(f.TempDir(), "fuzz.db")
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := checkFile(file, int64(len(b))); err == nil {
			// What passes here bbolt takes too, without a panic.
			if db, err := Open(path, Options{}); err == nil {
				_ = db.Close()
			}
		}
		if err := Scan(path, func(_, _ []byte) {}); err != nil {
			t.Fatal(err)
		}
	})
}
