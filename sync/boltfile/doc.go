// Package boltfile opens bbolt files with the care that records need: a time
// limit on the lock, a size limit, settings that keep commits short, and a look
// at every page before bbolt does. bbolt checks a file's pages in goroutines of
// its own, so a damaged page ends the whole process and not only the call;
// Check finds the damage first, and Open returns ErrDamaged.
//
//	db, err := boltfile.Open(path, boltfile.Options{MaxBytes: 1 << 30})
//	if errors.Is(err, boltfile.ErrDamaged) {
//		kept, err := boltfile.Aside(path, time.Now()) // path is free again
//		…
//		boltfile.Scan(kept, func(key, value []byte) { … })  // what still reads
//	}
package boltfile
