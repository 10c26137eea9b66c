package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Default is the configuration of a device where nothing is set.
func Default() Config {
	return Config{
		Profile:  "clinic",
		Reader:   Reader{Enabled: true},
		Scanner:  Scanner{Baud: 9600},
		Printer:  Printer{Baud: 9600, Width: 576, Cut: true},
		Gate:     Gate{Lines: []GateLine{}, Zones: []GateZone{}, Detector: "default", DetectEvery: 1, Every: Duration(time.Minute), Reset: "00:00"},
		Passage:  Passage{Baud: 9600, Channel: 1, Pulse: Duration(500 * time.Millisecond), Within: Duration(10 * time.Second), Direction: "in", Passback: Duration(10 * time.Minute)},
		Vision:   Vision{MemoryMiB: 1024, Embedding: "mobilefacenet-foamliu"},
		Outbox:   Outbox{MaxMiB: 1024},
		Kiosk:    Kiosk{Enabled: true, Listen: "127.0.0.1:8600", Idle: Duration(60 * time.Second), SignIn: Duration(10 * time.Minute), Hosts: []string{}, Origins: []string{}},
		Bridges:  []Bridge{},
		Register: Register{Holidays: []string{}, Counts: true},
		Log:      Log{Level: "info"},
	}
}

// name is what a device, a site or a profile may be called: it becomes part of
// MQTT topics, of the device's URN and of file names.
var name = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

var bauds = []int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200}

// maxOutboxMiB is 1 TiB: more than any device of this kind has.
const maxOutboxMiB = 1 << 20

// detectors are what tram-vision can find people with.
var detectors = []string{"default", "nanodet", "yolox", "fastestdet"}

type checker struct {
	file     string
	lines    Lines
	problems Problems

	undecoded map[string]bool // keys whose value is of a wrong kind
}

func (k *checker) wrong(key, text, remedy string) {
	if k.undecoded[key] {
		return // said already
	}
	k.problems = append(k.problems, Problem{File: k.file, Line: k.lines[key], Key: key, Text: text, Remedy: remedy})
}

// check is every rule that one value or several together must keep.
func (c Config) check(file string, lines Lines, before Problems) Problems {
	k := &checker{file: file, lines: lines, undecoded: map[string]bool{}}
	for _, p := range before {
		k.undecoded[p.Key] = true
	}
	for key, value := range map[string]string{"device.name": c.Device.Name, "device.site": c.Device.Site} {
		if value != "" && !name.MatchString(value) {
			k.wrong(key, fmt.Sprintf("%q is not a name", value), "use 1 to 63 lower-case letters, digits and hyphens")
		}
	}
	if c.Profile == "" {
		k.wrong("profile", "is empty", "name a profile, such as clinic, or the path of a profile file")
	}
	if !slices.Contains(bauds, c.Scanner.Baud) {
		k.wrong("scanner.baud", fmt.Sprintf("%d is not a rate of a serial port", c.Scanner.Baud), fmt.Sprintf("use one of %v", bauds))
	}
	if !slices.Contains(bauds, c.Printer.Baud) {
		k.wrong("printer.baud", fmt.Sprintf("%d is not a rate of a serial port", c.Printer.Baud), fmt.Sprintf("use one of %v", bauds))
	}
	if c.Printer.Width < 200 || c.Printer.Width > 832 {
		k.wrong("printer.width", fmt.Sprintf("%d dots is no width of a receipt printer", c.Printer.Width), "write 576 for paper of 80 mm, 384 for 58 mm")
	}
	if kind, rest, ok := strings.Cut(c.Device.Key, ":"); c.Device.Key != "" && (!ok || kind == "" || rest == "" || len(c.Device.Key) > 1024) {
		k.wrong("device.key", "is not a reference to a key", "write KIND:PLACE, such as file:device.jwk")
	}
	for _, day := range c.Register.Holidays {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			k.wrong("register.holidays", fmt.Sprintf("%q is no day", day), "write days as 2026-09-02")
		}
	}
	if len(c.Register.Room) > 64 {
		k.wrong("register.room", "is longer than 64 bytes", "write the room as the roster does, such as P1")
	}
	if c.Vision.MemoryMiB < 256 || c.Vision.MemoryMiB > 65536 {
		k.wrong("vision.memory-mib", fmt.Sprintf("%d is not between 256 and 65536", c.Vision.MemoryMiB), "1024 suits the networks that tram models lists")
	}
	c.checkFaces(k)
	if c.Vision.User == "root" {
		k.wrong("vision.user", "is root", "name a user of its own, or leave it empty")
	}
	c.checkCameras(k)
	c.checkGate(k)
	c.checkPassage(k)
	c.checkHub(k)
	c.checkKiosk(k)
	c.checkBridges(k)
	if c.Outbox.MaxMiB < 16 || c.Outbox.MaxMiB > maxOutboxMiB {
		k.wrong("outbox.max-mib", fmt.Sprintf("%d is not between 16 and %d", c.Outbox.MaxMiB, maxOutboxMiB), "1024 holds months of visits")
	}
	if c.Device.Site == "hub" {
		k.wrong("device.site", "\"hub\" is reserved", "name the place")
	}
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.Log.Level) {
		k.wrong("log.level", fmt.Sprintf("%q is not a level", c.Log.Level), "use "+strings.Join(levels, ", "))
	}
	slices.SortStableFunc(k.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Key, b.Key)
	})
	return k.problems
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// embeddings are the networks that faces can be compared with.
var embeddings = []string{"mobilefacenet-foamliu", "sface-2021dec"}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (c Config) checkFaces(k *checker) {
	if !slices.Contains(embeddings, c.Vision.Embedding) {
		k.wrong("vision.embedding", fmt.Sprintf("%q is not known", c.Vision.Embedding), "use "+strings.Join(embeddings, " or "))
	}
	cut := c.Vision.Cut
	if cut == (Cut{}) {
		return
	}
	if !sha256Hex.MatchString(cut.SHA256) {
		k.wrong("vision.cut.sha256", "is no SHA-256", "give the one of the network that the threshold was measured with: tram models ls --json")
	}
	if !(cut.Unsure > 0 && cut.Unsure <= cut.Match && cut.Match < 1) {
		k.wrong("vision.cut.match", fmt.Sprintf("from %g on unsure, from %g on a match cannot be", cut.Unsure, cut.Match), "use numbers between 0 and 1, unsure at most match; tram face bench --curve measures them")
	}
}

func (c Config) checkHub(k *checker) {
	if c.Hub.Broker == "" {
		return // the enrolment's; without one the device keeps its records
	}
	u, err := url.Parse(c.Hub.Broker)
	if err != nil || !slices.Contains([]string{"tcp", "mqtt", "ssl", "tls", "mqtts"}, u.Scheme) || u.Host == "" {
		k.wrong("hub.broker", "is not the address of an MQTT broker", "write tcp://HOST:1883 or ssl://HOST:8883")
		return
	}
	if u.User != nil {
		k.wrong("hub.broker", "holds a user name or password", "leave them out of the address")
	}
}

func (c Config) checkKiosk(k *checker) {
	if !c.Kiosk.Enabled {
		return
	}
	host, port, err := net.SplitHostPort(c.Kiosk.Listen)
	addr, ipErr := netip.ParseAddr(host)
	switch {
	case err != nil || !isPort(port):
		k.wrong("kiosk.listen", "is not an address and port", "write 127.0.0.1:8600")
	case host != "localhost" && (ipErr != nil || !addr.IsLoopback()):
		// The screen shows a person's data: it never leaves this machine.
		k.wrong("kiosk.listen", "is not on the loopback interface", "write 127.0.0.1:8600; the screen is for this machine only")
	}
	if c.Kiosk.Idle.Value() < 10*time.Second {
		k.wrong("kiosk.idle", fmt.Sprintf("%v is too short to read a screen", c.Kiosk.Idle.Value()), "use 10s or more")
	}
	if d := c.Kiosk.SignIn.Value(); d < time.Minute || d > 12*time.Hour {
		k.wrong("kiosk.sign-in", fmt.Sprintf("%v is no time for a clerk", d), "use 1m to 12h")
	}
	for i, h := range c.Kiosk.Hosts {
		if _, p, err := net.SplitHostPort(h); err != nil || !isPort(p) {
			k.wrong(fmt.Sprintf("kiosk.hosts[%d]", i), "is not a name and port", "write counter.example:8600")
		}
	}
	for i, o := range c.Kiosk.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || o != u.Scheme+"://"+u.Host || strings.Contains(o, "*") {
			k.wrong(fmt.Sprintf("kiosk.origins[%d]", i), "is not the origin of one page", "write https://his.example, without a path and without *")
		}
	}
}
