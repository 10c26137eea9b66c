package sim_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/vreader"
	"tram/testdata"
)

func startReader(t testing.TB) *vreader.Reader {
	t.Helper()
	r, err := vreader.Start(t.Context())
	if errors.Is(err, vreader.ErrNotInstalled) || errors.Is(err, vreader.ErrNotAllowed) {
		t.Skipf("needs a virtual reader: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// foreignChip lays the chip of testdata/foreign on a slot: another program, in
// another language, that shares nothing with this code.
func foreignChip(t *testing.T, r *vreader.Reader, slot int, args ...string) (mrz, dir string, remove func()) {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has its own python3-cryptography
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import cryptography").CombinedOutput(); err != nil {
		t.Skipf("needs python3-cryptography: %v %s", err, out)
	}
	dir = t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/foreign/chip.py", "--slot", r.Slot(slot), "--out", dir}, args...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	remove = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(remove)
	line := bufio.NewScanner(out)
	if !line.Scan() {
		_ = cmd.Wait()
		t.Fatalf("the foreign chip does not start: %s", complaints.String())
	}
	return line.Text(), dir, remove
}

func connect(t *testing.T, name string) *pcsc.Card {
	t.Helper()
	var card *pcsc.Card
	until(t, "the foreign chip to show in the reader", func() bool {
		var err error
		card, err = pcsc.Connect(t.Context(), name)
		return err == nil
	})
	return card
}

func empty(t *testing.T, name string) {
	t.Helper()
	until(t, "the reader to be empty", func() bool {
		c, err := pcsc.Connect(t.Context(), name)
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, pcsc.ErrNoCard)
	})
}

func TestForeignChipsAreReadAndVerifiedOverPCSC(t *testing.T) {
	r := startReader(t)
	type row struct {
		args []string
		want string
	}
	rows := []row{
		{[]string{"--access", "bac", "--aa", "1024"}, "not_supported ok chip-genuine"},
		{[]string{"--access", "bac", "--aa", "2048", "--ca", "12:3DES"}, "ok ok chip-genuine"},
	}
	ciphers := []string{"3DES", "AES128", "AES192", "AES256"}
	for id := 8; id <= 18; id++ {
		x := row{[]string{"--parameter", fmt.Sprint(id), "--cipher", ciphers[id%4]}, "not_supported not_supported chip-trusted"}
		if id%3 == 0 {
			x = row{append(x.args, "--aa", "2048", "--ca", fmt.Sprintf("%d:%s", id, ciphers[(id+1)%4])), "ok ok chip-genuine"}
		}
		rows = append(rows, x)
	}
	for i, x := range rows {
		t.Run(strings.Join(x.args, " "), func(t *testing.T) {
			slot := i % vreader.Slots
			mrz, dir, remove := foreignChip(t, r, slot, x.args...)
			defer empty(t, r.Names()[slot])
			defer remove()
			card := connect(t, r.Names()[slot])
			defer card.Close()
			pw, err := emrtd.MRZLines(mrz[:44] + "\n" + mrz[44:])
			if err != nil {
				t.Fatal(err)
			}
			doc := read(t, card, pw)
			csca, err := os.ReadFile(filepath.Join(dir, "csca.der"))
			if err != nil {
				t.Fatal(err)
			}
			store, err := emrtd.NewTrust(csca)
			if err != nil {
				t.Fatal(err)
			}
			v := emrtd.VerifyDocument(doc, store, time.Now())
			if got := proved(v); got != x.want {
				t.Errorf("got %s, want %s; %v", got, x.want, v.Detail)
			}
			for id, content := range doc.Files {
				if id == emrtd.EFCardAccess {
					continue
				}
				want, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%04X.bin", uint16(id))))
				if err != nil || !bytes.Equal(content, want) {
					t.Errorf("%v is not, byte for byte, what is on the chip: %v", id, err)
				}
			}
		})
	}
}

// A shared secret on P-521 begins with a zero byte two times in five.
func TestAForeignChipOnP521IsOpenedSixtyTimes(t *testing.T) {
	r := startReader(t)
	_, _, remove := foreignChip(t, r, 0, "--parameter", "18", "--cipher", "AES256")
	defer remove()
	card := connect(t, r.Names()[0])
	defer card.Close()
	for n := range 60 {
		doc, err := emrtd.Read(t.Context(), card, canOf(t, "009850"), emrtd.Options{Want: []emrtd.FileID{emrtd.DG1}})
		if err != nil || doc.Access.Mechanism != "PACE" || len(doc.Files[emrtd.DG1]) != 93 {
			t.Fatalf("read %d: %v", n+1, err)
		}
	}
}

// The files of a specimen of another implementation, played by the virtual card
// and read back.
func TestTheSpecimenIsReadByteForByte(t *testing.T) {
	dir := testdata.Shared(t, "emrtd/jmrtd_bsi2008_mustermann")
	r := startReader(t)
	card, err := sim.NewCardFromFiles(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	dg1, err := os.ReadFile(filepath.Join(dir, "Datagroup1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	mrz := dg1[len(dg1)-88:]
	pw, err := emrtd.MRZLines(string(mrz[:44]) + "\n" + string(mrz[44:]))
	if err != nil {
		t.Fatal(err)
	}
	connected, _ := lay(t, r, card)
	defer connected.Close()
	doc := read(t, connected, pw)
	if doc.Access.Mechanism != "BAC" {
		t.Errorf("opened by %s, want BAC", doc.Access.Mechanism)
	}
	for name, id := range map[string]emrtd.FileID{"EF_COM": emrtd.EFCOM, "EF_SOD": emrtd.EFSOD, "Datagroup1": emrtd.DG1, "Datagroup2": emrtd.DG2, "Datagroup14": emrtd.DG14} {
		want, err := os.ReadFile(filepath.Join(dir, name+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Files[id]; !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes differ from the %d of the file", name, len(got), len(want))
		}
	}
	v := emrtd.VerifyDocument(doc, nil, time.Now())
	if v.Hashes != "ok" || v.SODSignature != "ok" {
		t.Errorf("Verify = %s, %s; want both ok", v.Hashes, v.SODSignature)
	}
	if v.ChipAuthentication == "ok" || v.ActiveAuthentication == "ok" {
		t.Errorf("a copy of the files proved the keys of the specimen: %s", proved(v))
	}
}
