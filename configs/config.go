package configs

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultYAML is the manual: every key, its meaning and its default.
//
//go:embed default.yaml
var DefaultYAML []byte

// Config is all that a technician can set. default.yaml explains each key.
type Config struct {
	Device   Device   `yaml:"device"`
	Profile  string   `yaml:"profile"`
	State    string   `yaml:"state"`
	Reader   Reader   `yaml:"reader"`
	Scanner  Scanner  `yaml:"scanner"`
	Printer  Printer  `yaml:"printer"`
	Camera   Camera   `yaml:"camera"`
	Gate     Gate     `yaml:"gate"`
	Passage  Passage  `yaml:"passage"`
	Vision   Vision   `yaml:"vision"`
	Trust    string   `yaml:"trust"`
	Hub      Hub      `yaml:"hub"`
	Outbox   Outbox   `yaml:"outbox"`
	Kiosk    Kiosk    `yaml:"kiosk"`
	Bridges  []Bridge `yaml:"bridges"`
	Register Register `yaml:"register"`
	Log      Log      `yaml:"log"`
}

// Device names this device to the hub, and says where its key is.
type Device struct {
	Name string `yaml:"name"`
	Site string `yaml:"site"`
	Key  string `yaml:"key"`
}

// Reader is the chip reader, by its PC/SC name.
type Reader struct {
	Enabled bool   `yaml:"enabled"`
	Name    string `yaml:"name"`
}

// Scanner is the QR scanner on a serial port, and a camera that codes are held
// before; no path and no camera mean there is none.
type Scanner struct {
	Path   string `yaml:"path"`
	Baud   int    `yaml:"baud"`
	Camera string `yaml:"camera"`
	Mode   Mode   `yaml:"mode"` // of that camera
}

// Printer prints tickets; no path means there is none.
type Printer struct {
	Path  string `yaml:"path"`
	Baud  int    `yaml:"baud"`
	Width int    `yaml:"width"` // dots across the paper
	Font  string `yaml:"font"`  // empty: the distribution's; "none": letters without marks
	Cut   bool   `yaml:"cut"`
}

// Camera looks at the person at the counter; no source means there is none.
type Camera struct {
	Source string `yaml:"source"`
	Mode   Mode   `yaml:"mode"`
}

// Passage is the gate that opens for a person; no relay means that none does by itself.
type Passage struct {
	Relay     string   `yaml:"relay"`
	Baud      int      `yaml:"baud"`
	Channel   int      `yaml:"channel"`
	Pulse     Duration `yaml:"pulse"`
	Sensor    string   `yaml:"sensor"` // "board", "camera" or a path; empty: none
	Within    Duration `yaml:"within"`
	Direction string   `yaml:"direction"` // "in", "out", "both"
	Passback  Duration `yaml:"passback"`
}

// Vision is the camera worker.
type Vision struct {
	Worker    string `yaml:"worker"`
	Models    string `yaml:"models"`
	User      string `yaml:"user"`
	MemoryMiB int    `yaml:"memory-mib"`
	Embedding string `yaml:"embedding"` // the network that faces are compared with
	Cut       Cut    `yaml:"cut"`
}

// Cut is where an operator cuts the scores of a network; no hash: as the project does.
type Cut struct {
	SHA256 string  `yaml:"sha256"`
	Match  float64 `yaml:"match"`
	Unsure float64 `yaml:"unsure"`
}

// Hub is where the records go.
type Hub struct {
	Broker string `yaml:"broker"`
	Key    string `yaml:"key"`
}

// Outbox keeps the records until the hub has them.
type Outbox struct {
	MaxMiB int `yaml:"max-mib"`
}

// Kiosk is the touch screen and the local API.
type Kiosk struct {
	Enabled bool     `yaml:"enabled"`
	Listen  string   `yaml:"listen"`
	Idle    Duration `yaml:"idle"`
	SignIn  Duration `yaml:"sign-in"`
	Hosts   []string `yaml:"hosts"`
	Origins []string `yaml:"origins"`
}

// Register is what this device adds to its profile's register.
type Register struct {
	Room     string   `yaml:"room"`
	Remote   bool     `yaml:"remote"`
	Holidays []string `yaml:"holidays"`
	Counts   bool     `yaml:"counts"`
}

// Log is what the daemon tells the journal.
type Log struct {
	Level string `yaml:"level"`
}

// Load reads one configuration file over the defaults and checks it. The error
// is either Problems or that the file could not be read.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return Default().Overlay(path, data)
}

// Overlay returns the configuration with the keys of a file's content set over
// it, checked. The error is Problems.
func (c Config) Overlay(file string, data []byte) (Config, error) {
	lines, problems := Decode(file, data, &c)
	problems = append(problems, c.check(file, lines, problems)...)
	if len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// local are the keys that only the technician at the device sets: who it is,
// where its keys and files are, and which programs it starts.
var local = []string{"device", "state", "hub.key", "vision.worker", "vision.models", "trust"}

// Pushed is Overlay for what a hub sends: keys that only the technician at the
// device may set are problems, too.
func (c Config) Pushed(data []byte) (Config, error) {
	const file = "pushed configuration"
	next, err := c.Overlay(file, data)
	var problems Problems
	if err != nil && !errors.As(err, &problems) {
		return c, err
	}
	lines, _ := Decode(file, data, new(Config))
	for _, key := range local {
		for set, line := range lines {
			if set == key || strings.HasPrefix(set, key+".") && set != "" {
				problems = append(problems, Problem{File: file, Line: line, Key: set, Text: "is set at the device only", Remedy: "leave it out"})
			}
		}
	}
	if len(problems) > 0 {
		return c, problems
	}
	return next, nil
}

// Check is what is wrong with a configuration that was made in memory.
func (c Config) Check() error {
	if problems := c.check("configuration", Lines{}, nil); len(problems) > 0 {
		return problems
	}
	return nil
}

// address finds a user name and password in an address.
var address = regexp.MustCompile(`(//)[^/@\s]*@`)

// Dump is the configuration as YAML, for people who help: user names and
// passwords in addresses are replaced.
func (c Config) Dump() ([]byte, error) {
	b, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return address.ReplaceAll(b, []byte("${1}[removed]@")), nil
}

// DefaultState is where keys, queue, trust store and models live when nothing
// is set: $TRAM_STATE, else the service's folder for root, else the person's own.
func DefaultState() string {
	if dir := os.Getenv("TRAM_STATE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/tram"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "tram")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "tram")
	}
	return filepath.Join(home, ".local", "state", "tram")
}

// StateDir is where this device keeps its keys, queue, trust store and models.
func (c Config) StateDir() string {
	if c.State != "" {
		return c.State
	}
	return DefaultState()
}

// TrustDir is the operator's folder of CSCA certificates.
func (c Config) TrustDir() string {
	if c.Trust != "" {
		return c.Trust
	}
	return filepath.Join(c.StateDir(), "trust")
}

// ModelsDir is the folder of the networks that tram-vision may load.
func (c Config) ModelsDir() string {
	if c.Vision.Models != "" {
		return c.Vision.Models
	}
	return ModelsDir(c.StateDir())
}

// ModelsDir is $TRAM_MODELS, else the models folder of a state folder.
func ModelsDir(state string) string {
	if dir := os.Getenv("TRAM_MODELS"); dir != "" {
		return dir
	}
	return filepath.Join(state, "models")
}

// HubKeyPath is the file with the hub's public key.
func (c Config) HubKeyPath() string {
	if c.Hub.Key != "" {
		return c.Hub.Key
	}
	return filepath.Join(c.StateDir(), "hub.pub.jwk")
}
