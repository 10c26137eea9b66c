package sim

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd/apdu"
)

func TestFaultsAreReadFromACommandLine(t *testing.T) {
	for text, check := range map[string]func(settings) bool{
		"tamper-dg2":          func(s settings) bool { return slices.Contains(s.tampered, FileDG2) },
		"tamper-dg13":         func(s settings) bool { return s.tamperDG13 },
		"wrong-signer":        func(s settings) bool { return s.wrongSigner },
		"expired-signer":      func(s settings) bool { return s.expired },
		"cloned":              func(s settings) bool { return s.clonedAgreement && s.clonedActive },
		"nested-parents":      func(s settings) bool { return s.nestedParents },
		"hostile-length=dg2":  func(s settings) bool { return s.hostile[FileDG2] },
		"hostile-length=COM":  func(s settings) bool { return s.hostile[FileCOM] },
		"hostile-length=sod":  func(s settings) bool { return s.hostile[FileSOD] },
		"hostile-length=DG13": func(s settings) bool { return s.hostile[FileDG13] },
		"status=B0:6F00":      func(s settings) bool { return s.status[0xB0] == 0x6F00 },
		"slow=424000,5ms":     func(s settings) bool { return s.bitsPerSecond == 424000 && s.processing == 5*time.Millisecond },
		"slow=106000":         func(s settings) bool { return s.bitsPerSecond == 106000 && s.processing == 0 },
		"retry-delay=2s":      func(s settings) bool { return s.retryDelay == 2*time.Second },
		"pulled-after=0":      func(s settings) bool { return s.pulledAfter == 0 },
		"hang-after=12":       func(s settings) bool { return s.hangAfter == 12 },
		"frame-limit=256":     func(s settings) bool { return s.frameLimit == 256 },
		"pace=id-PACE-ECDH-GM-AES-CBC-CMAC-256:18": func(s settings) bool { return s.offers[0].parameter == 18 },
	} {
		o, err := ParseFault(text)
		if err != nil || !check(newSettings([]Option{o})) {
			t.Errorf("ParseFault(%q) = %v, or not the fault that it names", text, err)
		}
		if name, _, _ := strings.Cut(text, "="); !strings.Contains(Faults, name) {
			t.Errorf("the list of faults lacks %q", name)
		}
	}
	for _, text := range []string{"", "none", "tamper-dg2=1", "hostile-length=dg17", "hostile-length=1", "status=B0", "status=XX:9000",
		"status=B0:90", "slow=fast", "slow=0", "slow=1,x", "pulled-after=", "pulled-after=-1", "retry-delay=2", "pace=id-PACE-DH-GM-3DES-CBC-CBC:13", "pace=id-PACE-ECDH-IM-AES-CBC-CMAC-128:10", "pace=x:13"} {
		if _, err := ParseFault(text); err == nil {
			t.Errorf("ParseFault(%q) = nil, want an error", text)
		}
	}
}

func TestFaultsOfTheFilesShow(t *testing.T) {
	whole := newTerminal(t)
	whole.open()
	for file, o := range map[uint16]Option{FileDG2: TamperDG2(), FileDG13: TamperDG13()} {
		r := newTerminal(t, o)
		r.open()
		if bytes.Equal(r.readFile(file, 223, false), whole.readFile(file, 223, false)) {
			t.Errorf("file %04X is not changed", file)
		}
		// What was signed is the file before the change.
		if !bytes.Contains(r.readFile(FileSOD, 223, false), groupHash(whole.readFile(file, 223, false))) {
			t.Errorf("the security object does not hold the hash of the unchanged file %04X", file)
		}
	}
	r := newTerminal(t, HostileLength(FileDG2))
	r.open()
	if sw := r.selectFile(FileDG2); sw != swOK {
		t.Fatalf("SELECT DG2: %04X", sw)
	}
	if got, want := r.readAt(0, 8, false).Data, []byte{0x75, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("a file of 4 GB begins %X, want %X", got, want)
	}
	if a := r.readAt(0x7000, 65536, true); len(a.Data) != maxAnswer || a.SW != swOK {
		t.Errorf("a file of 4 GB gives %d bytes, %04X in its middle", len(a.Data), a.SW)
	}
}

func TestFaultsOfTheChipShow(t *testing.T) {
	r := newTerminal(t, StatusWord(0xA4, 0x6F00))
	if sw := r.selectFile(FileCardAccess); sw != 0x6F00 {
		t.Errorf("SELECT = %04X, want 6F00", sw)
	}
	r = newTerminal(t, FrameLimit(256))
	if a := r.raw("00B09C00000000"); a.SW != swLength {
		t.Errorf("an extended command = %04X, want 6700", a.SW)
	}
	r.open()
	if sw := r.selectFile(FileDG2); sw != swOK {
		t.Fatalf("SELECT DG2: %04X", sw)
	}
	if a := r.readAt(0, 231, false); a.SW != swLength {
		t.Errorf("READ BINARY of 231 bytes = %04X, want 6700", a.SW)
	}
	if a := r.readAt(0, 223, false); a.SW != swOK || len(a.Data) != 223 {
		t.Errorf("READ BINARY of 223 bytes = %d bytes, %04X; want all", len(a.Data), a.SW)
	}
	if a := r.send(apdu.Command{INS: 0xB0, P1: 0, P2: 0, Le: apdu.NoLe}); a.SW != swLength {
		t.Errorf("READ BINARY without Le = %04X, want 6700", a.SW)
	}
}
