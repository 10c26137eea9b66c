package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ErrName is returned for a site, a device or a topic that is not allowed.
var ErrName = errors.New("not an allowed name")

// maxName is the longest site or device name in bytes.
const maxName = 64

// sourcePrefix begins every device's URN.
const sourcePrefix = "urn:tram:device:"

// CheckName returns an error unless s can name a site or a device: 1 to 64 of
// a-z, A-Z, 0-9, '.', '_', '-', the first one a letter or a digit. A device's
// name is unique in the whole fleet; it is also its MQTT client id.
func CheckName(s string) error {
	if s == "" || len(s) > maxName {
		return fmt.Errorf("a name of %d bytes: %w (1 to %d)", len(s), ErrName, maxName)
	}
	for i, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return fmt.Errorf("a name with byte %#x at %d: %w (letters, digits, and '.', '_', '-' after the first)", c, i, ErrName)
		}
	}
	return nil
}

// Source returns the URN of a device, the CloudEvents source of its records.
func Source(device string) string { return sourcePrefix + device }

// DeviceOf returns the device that a source names.
func DeviceOf(source string) (string, error) {
	name, ok := strings.CutPrefix(source, sourcePrefix)
	if !ok {
		return "", fmt.Errorf("a source that does not begin with %s: %w", sourcePrefix, ErrName)
	}
	return name, CheckName(name)
}
