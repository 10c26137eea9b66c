package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Option changes how a card is made or how it behaves.
type Option func(*settings)

type settings struct {
	// what is on the card
	tamperDG2, tamperDG13 bool
	wrongSigner, expired  bool
	cloned, nestedParents bool
	hostile               map[uint16]bool

	// how the chip answers
	offer      paceOffer
	offerErr   error
	status     map[byte]uint16
	frameLimit int

	// how the link behaves
	bitsPerSecond int
	processing    time.Duration
	retryDelay    time.Duration
	pulledAfter   int // −1: never
	hangAfter     int // −1: never
}

// TamperDG2 changes a byte of the portrait after the card was signed.
func TamperDG2() Option { return func(s *settings) { s.tamperDG2 = true } }

// TamperDG13 changes the residence in data group 13 after the card was signed.
func TamperDG13() Option { return func(s *settings) { s.tamperDG13 = true } }

// WrongSigner signs the card below a CA that no reader was told of: everything
// about it is consistent and nothing of it is genuine.
func WrongSigner() Option { return func(s *settings) { s.wrongSigner = true } }

// ExpiredSigner signs the card with a document signer whose certificate has
// expired.
func ExpiredSigner() Option { return func(s *settings) { s.expired = true } }

// ClonedChip makes a copy of a card: all its files, but not the keys that its
// chip never gives away, so that Chip and Active Authentication fail.
func ClonedChip() Option { return func(s *settings) { s.cloned = true } }

// NestedParents writes the parents in data group 13 as one sequence of two
// names, the rarer of the two shapes.
func NestedParents() Option { return func(s *settings) { s.nestedParents = true } }

// WithPACE makes the chip offer another PACE than the Vietnamese card does: a
// protocol "id-PACE-ECDH-GM-…" over the standardised domain parameter 8 to 18.
func WithPACE(protocol string, parameter int) Option {
	return func(s *settings) { s.offer, s.offerErr = newOffer(protocol, parameter) }
}

// HostileLength makes a file claim to be 4 GB long; reading it never ends.
func HostileLength(file uint16) Option {
	return func(s *settings) {
		if s.hostile == nil {
			s.hostile = map[uint16]bool{}
		}
		s.hostile[file] = true
	}
}

// StatusWord makes the chip answer every command with the instruction ins by
// the status word sw and nothing else.
func StatusWord(ins byte, sw uint16) Option {
	return func(s *settings) {
		if s.status == nil {
			s.status = map[byte]uint16{}
		}
		s.status[ins] = sw
	}
}

// FrameLimit makes the chip refuse extended lengths and answers longer than n
// bytes by 6700, as older readers and chips do.
func FrameLimit(n int) Option { return func(s *settings) { s.frameLimit = n } }

// SlowLink makes each command take the time that its bytes and those of its
// answer need on a link of that speed, and processing on top.
func SlowLink(bitsPerSecond int, processing time.Duration) Option {
	return func(s *settings) { s.bitsPerSecond, s.processing = bitsPerSecond, processing }
}

// RetryDelay makes the chip wait before it answers a wrong CAN or MRZ: first d,
// then twice as long each time, up to 16 times d.
func RetryDelay(d time.Duration) Option { return func(s *settings) { s.retryDelay = d } }

// PulledAfter pulls the card once: it answers n commands and is gone in the
// middle of the next. Laid on again, it works.
func PulledAfter(n int) Option { return func(s *settings) { s.pulledAfter = n } }

// HangAfter hangs the chip once: it answers n commands and none after, until it
// is reset or loses power.
func HangAfter(n int) Option { return func(s *settings) { s.hangAfter = n } }

func newSettings(opt []Option) settings {
	s := settings{offer: vietnamese(), pulledAfter: -1, hangAfter: -1}
	for _, o := range opt {
		o(&s)
	}
	return s
}

// Faults lists what ParseFault takes, one a line, for a command's help.
const Faults = `tamper-dg2           a byte of the portrait is changed after signing
tamper-dg13          the residence is changed after signing
wrong-signer         signed below a CA that nobody trusts
expired-signer       signed by a signer whose certificate has expired
cloned               a copy of the files without the chip's keys
nested-parents       the parents in DG13 in the rarer shape
hostile-length=FILE  a file (com, sod, dg1, dg2, dg13, ...) claims to be 4 GB
status=INS:SW        the instruction INS is always answered by SW, both hexadecimal
pace=PROTOCOL:ID     another PACE: id-PACE-ECDH-GM-AES-CBC-CMAC-256:18
frame-limit=N        no answer longer than N bytes, no extended lengths
slow=BITRATE[,TIME]  a link of BITRATE bit/s and TIME of processing a command
retry-delay=TIME     the wait after a wrong access number
pulled-after=N       pulled after N commands
hang-after=N         silent after N commands`

// ParseFault reads one fault as a command line writes it: see Faults.
func ParseFault(text string) (Option, error) {
	kind, value, _ := strings.Cut(text, "=")
	plain := map[string]Option{
		"tamper-dg2": TamperDG2(), "tamper-dg13": TamperDG13(), "wrong-signer": WrongSigner(),
		"expired-signer": ExpiredSigner(), "cloned": ClonedChip(), "nested-parents": NestedParents(),
	}
	if o, ok := plain[kind]; ok && kind == text {
		return o, nil
	}
	var err error
	number := func() (n int) {
		if n, err = strconv.Atoi(value); err == nil && (n < 0 || n > 1<<30) {
			err = fmt.Errorf("%d is out of range", n)
		}
		return n
	}
	var o Option
	switch kind {
	case "pulled-after":
		o = PulledAfter(number())
	case "hang-after":
		o = HangAfter(number())
	case "frame-limit":
		o = FrameLimit(number())
	case "retry-delay":
		var d time.Duration
		d, err = time.ParseDuration(value)
		o = RetryDelay(d)
	case "slow":
		o, err = parseSlow(value)
	case "status":
		o, err = parseStatus(value)
	case "pace":
		protocol, id, _ := strings.Cut(value, ":")
		value = id
		o = WithPACE(protocol, number())
		if err == nil {
			err = newSettings([]Option{o}).offerErr
		}
	case "hostile-length":
		file, ok := fileByName(value)
		if !ok {
			err = fmt.Errorf("no file %q", value)
		}
		o = HostileLength(file)
	default:
		err = fmt.Errorf("unknown; one of:\n%s", Faults)
	}
	if err != nil {
		return nil, fmt.Errorf("fault %q: %w", text, err)
	}
	return o, nil
}

func parseSlow(value string) (Option, error) {
	rate, processing, _ := strings.Cut(value, ",")
	n, err := strconv.Atoi(rate)
	if err != nil || n <= 0 {
		return nil, fmt.Errorf("%q is not a bit rate", rate)
	}
	var d time.Duration
	if processing != "" {
		if d, err = time.ParseDuration(processing); err != nil {
			return nil, err
		}
	}
	return SlowLink(n, d), nil
}

func parseStatus(value string) (Option, error) {
	ins, sw, _ := strings.Cut(value, ":")
	i, err := strconv.ParseUint(ins, 16, 8)
	if err != nil {
		return nil, fmt.Errorf("%q is not an instruction", ins)
	}
	w, err := strconv.ParseUint(sw, 16, 16)
	if err != nil || len(sw) != 4 {
		return nil, fmt.Errorf("%q is not a status word", sw)
	}
	return StatusWord(byte(i), uint16(w)), nil
}

// fileByName finds a file of the application by "com", "sod", "dg1" to "dg16",
// or "cardaccess".
func fileByName(name string) (uint16, bool) {
	name = strings.ToLower(name)
	switch name {
	case "com":
		return FileCOM, true
	case "sod":
		return FileSOD, true
	case "cardaccess":
		return FileCardAccess, true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, "dg"))
	if err != nil || !strings.HasPrefix(name, "dg") || n < 1 || n > 16 {
		return 0, false
	}
	return 0x0100 | uint16(n), true
}
