package enroll

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/seal"
	"tram/sync/wire"
)

// Files in the state folder.
const (
	File     = "enrolment.json"
	CertFile = "device.crt"
	NewFile  = "device.crt.new"  // not connected with yet
	PrevFile = "device.crt.prev" // the one before
	CAFile   = "hub-ca.crt"
	KeysFile = "hub.pub.jwk"
	BoxFile  = "device-enc.jwk"
	lockFile = "enrolment.lock"
)

// maxFile is the largest of these files read, in bytes.
const maxFile = 256 << 10

// Errors that callers tell apart.
var (
	ErrNotEnrolled = errors.New("this device is not enrolled")
	ErrDamaged     = errors.New("the files of the enrolment are damaged")
)

// Enrolment is what a device knows of the hub it belongs to.
type Enrolment struct {
	V        int       `json:"v"`
	Device   string    `json:"device"`
	Site     string    `json:"site"`
	Hub      string    `json:"hub"`    // URL of the enrolment endpoint
	Broker   string    `json:"broker"` // URL
	Key      string    `json:"key"`    // reference of the device's key; see package keys
	Enrolled time.Time `json:"enrolled"`

	// Pending are files that belong to this enrolment and are not written yet, by name.
	Pending map[string]string `json:"pending,omitempty"`
}

// Load returns the enrolment in a state folder, or ErrNotEnrolled. What a
// power cut left half written is finished first.
func Load(state string) (*Enrolment, error) {
	e, err := read(state)
	if err != nil || len(e.Pending) == 0 {
		return e, err
	}
	unlock, err := lock(state)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if e, err = read(state); err != nil {
		return nil, err
	}
	return e, e.finish(state)
}

func read(state string) (*Enrolment, error) {
	b, err := readFile(filepath.Join(state, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotEnrolled
	}
	if err != nil {
		return nil, err
	}
	e := new(Enrolment)
	if err := json.Unmarshal(b, e); err != nil || e.V != 1 {
		return nil, fmt.Errorf("%w: %s is not what was written; enrol again with a new code", ErrDamaged, File)
	}
	if _, err := wire.NewTopic(e.Site, e.Device, wire.Records); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, File, err)
	}
	for name := range e.Pending {
		if !slices.Contains([]string{CertFile, CAFile, KeysFile}, name) {
			return nil, fmt.Errorf("%w: %s names a file that is not its own", ErrDamaged, File)
		}
	}
	return e, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%w: %s is larger than %d bytes", ErrDamaged, path, maxFile)
	}
	return b, err
}

// save replaces enrolment.json: the moment from which the enrolment counts.
func (e *Enrolment) save(state string) error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return seal.WriteFile(filepath.Join(state, File), append(b, '\n'), 0o600)
}

// finish writes the files that belong to a saved enrolment. It may be done twice.
func (e *Enrolment) finish(state string) error {
	if cert, ok := e.Pending[CertFile]; ok {
		old, err := readFile(filepath.Join(state, CertFile))
		if err == nil && string(old) != cert {
			err = seal.WriteFile(filepath.Join(state, PrevFile), old, 0o644)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep the previous certificate: %w", err)
		}
		if err := os.Remove(filepath.Join(state, NewFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an older certificate: %w", err)
		}
	}
	for name, content := range e.Pending {
		if err := seal.WriteFile(filepath.Join(state, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write the enrolment: %w", err)
		}
	}
	e.Pending = nil
	return e.save(state)
}

// lock keeps other processes from writing an enrolment until unlock.
func lock(state string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(state, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the enrolment: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the enrolment: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// parseCertificates reads at most ten certificates in PEM.
func parseCertificates(b []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil && len(list) < 10; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: a certificate does not parse", ErrDamaged)
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no certificate in PEM", ErrDamaged)
	}
	return list, nil
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	list, err := parseCertificates(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}
