package ca

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tram/sync/wire"
)

// Lives of one-time codes.
const (
	DefaultValid = time.Hour
	maxValid     = 7 * 24 * time.Hour
	minValid     = time.Second
	codesKept    = 30 * 24 * time.Hour // so that a used code is told from one that never was
	maxTries     = 5                   // wrong secrets for one code, then it is burnt
)

// Why a code is refused, and what is wrong with making one.
var (
	ErrCodeUnknown = errors.New("the hub does not know this code")
	ErrCodeUsed    = errors.New("the code was used already")
	ErrCodeExpired = errors.New("the code's time is over")
	ErrCodeTries   = errors.New("the code was tried wrongly too often")
	ErrValid       = fmt.Errorf("a code is valid %v to %v", minValid, maxValid)
)

// codeFile is what is kept of a code: DIR/codes/ID.json. The code itself is not.
type codeFile struct {
	Device string        `json:"device"`
	Site   string        `json:"site"`
	Hash   string        `json:"hash"` // SHA-256 of the secret, hexadecimal
	Made   moment        `json:"made"`
	Valid  time.Duration `json:"valid"`
	Tries  int           `json:"tries,omitempty"`
	Key    string        `json:"key,omitempty"`  // thumbprint of the device key that used it
	Used   bool          `json:"used,omitempty"` // the device has confirmed
}

// DefaultSite is where a device is when nobody says.
const DefaultSite = "main"

// SiteOf returns where a device was enrolled, or DefaultSite.
func (a *Authority) SiteOf(device string) (string, error) {
	if err := checkDevice(device); err != nil {
		return "", err
	}
	f, err := a.readDevice(device)
	if err != nil || f.Site == "" {
		return DefaultSite, err
	}
	return f.Site, nil
}

// NewCode makes a one-time code for one device. Earlier codes of the same
// device that nobody used are void from then on.
func (a *Authority) NewCode(device, site string, valid time.Duration) (wire.Code, error) {
	if err := checkDevice(device); err != nil {
		return wire.Code{}, err
	}
	if _, err := wire.NewTopic(site, device, wire.Records); err != nil {
		return wire.Code{}, err
	}
	if valid < minValid || valid > maxValid {
		return wire.Code{}, fmt.Errorf("%w: not %v", ErrValid, valid)
	}
	unlock, err := a.lock()
	if err != nil {
		return wire.Code{}, err
	}
	defer unlock()
	if err := a.sweepCodes(device); err != nil {
		return wire.Code{}, err
	}
	c := wire.Code{CA: a.codeCA()}
	_, _ = rand.Read(c.ID[:]) // never fails
	_, _ = rand.Read(c.Secret[:])
	f := codeFile{Device: device, Site: site, Hash: hashSecret(c), Made: a.moment(), Valid: valid}
	return c, writeJSON(a.codePath(c), f)
}

func hashSecret(c wire.Code) string {
	sum := sha256.Sum256(c.Secret[:])
	return hex.EncodeToString(sum[:])
}

func (a *Authority) codePath(c wire.Code) string {
	return filepath.Join(a.dir, "codes", hex.EncodeToString(c.ID[:])+".json")
}

// sweepCodes removes the unused codes of a device, and every code that ended long ago.
func (a *Authority) sweepCodes(device string) error {
	files, err := filepath.Glob(filepath.Join(a.dir, "codes", "*.json"))
	if err != nil {
		return err
	}
	now := a.moment()
	for _, path := range files {
		var f codeFile
		if err := readJSON(path, &f); err != nil {
			return err
		}
		void := f.Device == device && f.Key == ""
		if void || !f.Made.within(f.Valid+codesKept, now) {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove an old code: %w", err)
			}
		}
	}
	return nil
}

// lookCode finds a code that the holder of a device key presents; key is the
// thumbprint. The caller holds the lock. A code that was used by the same key
// and never confirmed is good again within its time: the answer was lost.
func (a *Authority) lookCode(c wire.Code, key string) (codeFile, error) {
	var f codeFile
	if c.CA != a.codeCA() {
		return f, fmt.Errorf("%v: %w: it is another hub's", c, ErrCodeUnknown)
	}
	err := readJSON(a.codePath(c), &f)
	if errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("%v: %w", c, ErrCodeUnknown)
	}
	if err != nil {
		return f, err
	}
	if f.Tries >= maxTries {
		return f, fmt.Errorf("%v: %w", c, ErrCodeTries)
	}
	if subtle.ConstantTimeCompare([]byte(f.Hash), []byte(hashSecret(c))) != 1 {
		f.Tries++
		if err := writeJSON(a.codePath(c), f); err != nil {
			return f, err
		}
		return f, fmt.Errorf("%v: %w", c, ErrCodeUnknown)
	}
	if f.Used || f.Key != "" && f.Key != key {
		return f, fmt.Errorf("%v: %w", c, ErrCodeUsed)
	}
	if !f.Made.within(f.Valid, a.moment()) {
		return f, fmt.Errorf("%v for %s: %w", c, f.Device, ErrCodeExpired)
	}
	return f, nil
}

// useCode binds a code to the key that used it.
func (a *Authority) useCode(c wire.Code, f codeFile, key string, confirmed bool) error {
	f.Key, f.Used = key, confirmed
	return writeJSON(a.codePath(c), f)
}
