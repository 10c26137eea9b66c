package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// fault is one fault or behaviour as a command line writes it.
type fault struct {
	form  string // "hostile-length=FILE"
	says  string
	parse func(value string) (Option, error)
}

func plain(o Option) func(string) (Option, error) {
	return func(value string) (Option, error) {
		if value != "" {
			return nil, fmt.Errorf("takes no value")
		}
		return o, nil
	}
}

func counted(make func(int) Option) func(string) (Option, error) {
	return func(value string) (Option, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 1<<20 {
			return nil, fmt.Errorf("%q is not a number from 0 to %d", value, 1<<20)
		}
		return make(n), nil
	}
}

func ofFile(make func(uint16) Option) func(string) (Option, error) {
	return func(value string) (Option, error) {
		id, ok := fileByName(value)
		if !ok {
			return nil, fmt.Errorf("no file %q", value)
		}
		return make(id), nil
	}
}

func ofFileAnd(make func(file uint16, n int) Option) func(string) (Option, error) {
	return func(value string) (Option, error) {
		name, count, _ := strings.Cut(value, ":")
		id, ok := fileByName(name)
		if !ok {
			return nil, fmt.Errorf("no file %q", name)
		}
		return counted(func(n int) Option { return make(id, n) })(count)
	}
}

// faultTable lists the faults in the order of the help.
var faultTable = []fault{
	{"tamper-dg2", "a byte of the portrait is changed after signing", plain(TamperDG2())},
	{"tamper-dg13", "the residence is changed after signing", plain(TamperDG13())},
	{"tamper=FILE", "a byte of a file (com, sod, dg1, …, dg16) is changed after signing", ofFile(Tamper)},
	{"wrong-sod", "the EF.SOD of another card", plain(WrongSOD())},
	{"broken-signature", "a byte of the signature in EF.SOD is changed", plain(BrokenSignature())},
	{"wrong-signer", "signed below a CA that nobody trusts", plain(WrongSigner())},
	{"expired-signer", "signed by a signer whose certificate has expired", plain(ExpiredSigner())},
	{"revoked-signer", "signed by a signer that the CA has revoked", plain(RevokedSigner())},
	{"cloned", "a copy of the files without the chip's keys", plain(ClonedChip())},
	{"no-ca-key", "a copy that lacks the key of Chip Authentication", plain(WithoutAgreementKey())},
	{"no-aa-key", "a copy that lacks the key of Active Authentication", plain(WithoutSignatureKey())},
	{"nested-parents", "the parents in DG13 in the rarer shape", plain(NestedParents())},
	{"hostile-length=FILE", "a file claims to be 4 GB and has bytes at every offset", ofFile(HostileLength)},
	{"longer=FILE:N", "the header of a file claims N bytes that are not there", ofFileAnd(LongerThanSaid)},
	{"trailing=FILE:N", "N bytes more behind the end of a file", ofFileAnd(Trailing)},
	{"endless-61", "READ BINARY and GET RESPONSE promise more for ever", plain(Endless61())},
	{"status=INS:SW", "an instruction is always answered by SW, both hexadecimal", parseStatus},
	{"deny=FILE:SW", "a file is never opened: SW, hexadecimal", parseDeny},
	{"block-after=N", "no access any more after N wrong passwords", counted(BlockAfter)},
	{"retry-delay=TIME", "the wait after a wrong password; doubles up to 16 times", parseDelay},
	{"slow=BITRATE[,TIME]", "a link of BITRATE bit/s and TIME for each command", parseSlow},
	{"pulled-after=N", "pulled after N commands", counted(PulledAfter)},
	{"hang-after=N", "silent after N commands", counted(HangAfter)},

	{"pace=PROTOCOL:ID", "another PACE: id-PACE-ECDH-GM-AES-CBC-CMAC-256:18; may be repeated", parsePACE},
	{"no-pace", "Basic Access Control only", plain(WithoutPACE())},
	{"no-bac", "PACE only", plain(WithoutBAC())},
	{"open", "no access control at all", plain(Open())},
	{"ca=PROTOCOL:ID[:KEY]", "another Chip Authentication: id-CA-DH-3DES-CBC-CBC:1; may be repeated", parseCA},
	{"no-ca", "no Chip Authentication", plain(WithoutChipAuthentication())},
	{"aa=KEY[:HASH]", "another Active Authentication: RSA-2048:SHA-256, P-384:SHA-384", parseAA},
	{"no-aa", "no Active Authentication", plain(WithoutActiveAuthentication())},
	{"with-mf", "the master file can be selected", plain(WithMasterFile())},
	{"no-sfi", "no file is found by its short identifier", plain(WithoutSFI())},
	{"no-extended", "short commands only, and chained ones", plain(WithoutExtended())},
	{"frame-limit=N", "no answer longer than N bytes, no extended lengths: 6700", counted(FrameLimit)},
	{"max-answer=N", "READ BINARY brings at most N bytes", counted(MaxAnswer)},
	{"get-response=N", "answers longer than N bytes come by GET RESPONSE", counted(GetResponse)},
	{"strict-end=SW", "a read past the end of a file: SW without data; 6C00 for 6Cxx", parseEnd},
}

// Faults lists what ParseFault takes, one a line, for a command's help.
var Faults = func() string {
	var b strings.Builder
	for i, f := range faultTable {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%-21s %s", f.form, f.says)
	}
	return b.String()
}()

// ParseFault reads one fault as a command line writes it: see Faults.
func ParseFault(text string) (Option, error) {
	kind, value, has := strings.Cut(text, "=")
	for _, f := range faultTable {
		if name, _, _ := strings.Cut(f.form, "="); name != kind {
			continue
		}
		if has && value == "" {
			return nil, fmt.Errorf("fault %q: no value after =", text)
		}
		o, err := f.parse(value)
		if err == nil {
			var s settings
			o(&s)
			err = s.err
		}
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w; write %s", text, err, f.form)
		}
		return o, nil
	}
	return nil, fmt.Errorf("fault %q: unknown; one of:\n%s", text, Faults)
}

func parsePACE(value string) (Option, error) {
	protocol, id, _ := strings.Cut(value, ":")
	return counted(func(n int) Option { return WithPACE(protocol, n) })(id)
}

func parseCA(value string) (Option, error) {
	parts := append(strings.Split(value, ":"), "-1")
	parameter, err := strconv.Atoi(parts[min(1, len(parts)-1)])
	if err != nil || len(parts) < 3 || len(parts) > 4 {
		return nil, fmt.Errorf("no domain parameter")
	}
	id, err := strconv.Atoi(parts[2])
	if err != nil {
		return nil, fmt.Errorf("%q is not the number of a key", parts[2])
	}
	return WithChipAuthentication(parts[0], parameter, id), nil
}

func parseAA(value string) (Option, error) {
	key, hash, has := strings.Cut(value, ":")
	if !has {
		hash = "SHA-256"
	}
	return WithActiveAuthentication(key, hash), nil
}

func parseDelay(value string) (Option, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return nil, fmt.Errorf("%q is not a time like 500ms", value)
	}
	return RetryDelay(d), nil
}

func parseSlow(value string) (Option, error) {
	rate, processing, _ := strings.Cut(value, ",")
	n, err := strconv.Atoi(rate)
	if err != nil || n <= 0 {
		return nil, fmt.Errorf("%q is not a bit rate", rate)
	}
	var d time.Duration
	if processing != "" {
		if d, err = time.ParseDuration(processing); err != nil || d < 0 {
			return nil, fmt.Errorf("%q is not a time like 500ms", processing)
		}
	}
	return SlowLink(n, d), nil
}

// word reads a status word.
func word(text string) (uint16, error) {
	w, err := strconv.ParseUint(text, 16, 16)
	if err != nil || len(text) != 4 {
		return 0, fmt.Errorf("%q is not a status word", text)
	}
	return uint16(w), nil
}

func parseStatus(value string) (Option, error) {
	ins, sw, _ := strings.Cut(value, ":")
	i, err := strconv.ParseUint(ins, 16, 8)
	if err != nil {
		return nil, fmt.Errorf("%q is not an instruction", ins)
	}
	w, err := word(sw)
	return StatusWord(byte(i), w), err
}

func parseDeny(value string) (Option, error) {
	name, sw, _ := strings.Cut(value, ":")
	id, ok := fileByName(name)
	if !ok {
		return nil, fmt.Errorf("no file %q", name)
	}
	w, err := word(sw)
	return Deny(id, w), err
}

func parseEnd(value string) (Option, error) {
	w, err := word(value)
	return StrictEnd(w), err
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
