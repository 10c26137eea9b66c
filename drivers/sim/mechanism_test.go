package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/sim"
)

// Every mechanism of the card against the chip reader: opened as offered, every
// file there, both proofs given.
func TestEveryMechanismOfTheChipIsRead(t *testing.T) {
	type row struct {
		name string
		opt  []sim.Option
		want string // what the verification says
	}
	const both = "ok ok chip-genuine"
	rows := []row{}
	for id := 8; id <= 18; id++ {
		for i, cipher := range []string{"3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256"} {
			if i != id%4 && id != 13 {
				continue // each curve once, one with every cipher
			}
			rows = append(rows, row{fmt.Sprintf("GM %s %d", cipher, id), []sim.Option{sim.WithPACE("id-PACE-ECDH-GM-"+cipher, id)}, both})
			if id != 10 {
				rows = append(rows, row{fmt.Sprintf("IM %s %d", cipher, id), []sim.Option{sim.WithPACE("id-PACE-ECDH-IM-"+cipher, id)}, both})
			}
			if i > 0 {
				rows = append(rows, row{fmt.Sprintf("CAM %s %d", cipher, id), []sim.Option{sim.WithPACE("id-PACE-ECDH-CAM-"+cipher, id)}, both})
			}
		}
	}
	for id := range 3 {
		for _, mapping := range []string{"GM", "IM"} {
			for i, cipher := range []string{"3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256"} {
				if i%3 == id || i == 1 {
					rows = append(rows, row{fmt.Sprintf("DH %s %s %d", mapping, cipher, id), []sim.Option{sim.WithPACE("id-PACE-DH-"+mapping+"-"+cipher, id)}, both})
				}
			}
		}
	}
	for i, cipher := range []string{"3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256"} {
		rows = append(rows,
			row{"CA ECDH " + cipher, []sim.Option{sim.WithChipAuthentication("id-CA-ECDH-"+cipher, 12+i, -1)}, both},
			row{"CA DH " + cipher, []sim.Option{sim.WithChipAuthentication("id-CA-DH-"+cipher, i%3, 7)}, both})
	}
	for _, aa := range [][2]string{{"RSA-1024", "SHA-1"}, {"RSA-1024", "SHA-224"}, {"RSA-2048", "SHA-256"}, {"RSA-2048", "SHA-384"}, {"RSA-1536", "SHA-512"},
		{"P-224", "SHA-224"}, {"P-256", "SHA-256"}, {"brainpoolP384r1", "SHA-384"}, {"P-521", "SHA-512"}, {"brainpoolP512r1", "SHA-512"}} {
		rows = append(rows, row{"AA " + aa[0] + " " + aa[1], []sim.Option{sim.WithActiveAuthentication(aa[0], aa[1])}, both})
	}
	big := []sim.Option{sim.WithActiveAuthentication("RSA-2048", "SHA-256"), sim.WithChipAuthentication("id-CA-DH-AES-CBC-CMAC-128", 2, -1)}
	with := func(o ...sim.Option) []sim.Option { return append(append([]sim.Option{}, big...), o...) }
	rows = append(rows,
		row{"several keys", []sim.Option{sim.WithChipAuthentication("id-CA-ECDH-3DES-CBC-CBC", 12, 1), sim.WithChipAuthentication("id-CA-ECDH-AES-CBC-CMAC-256", 16, 2)}, both},
		row{"several of one protocol", []sim.Option{sim.WithChipAuthentication("id-CA-ECDH-AES-CBC-CMAC-128", 12, 1), sim.WithChipAuthentication("id-CA-ECDH-AES-CBC-CMAC-128", 13, 2)}, both},
		row{"several ways of PACE", []sim.Option{sim.WithPACE("id-PACE-ECDH-GM-AES-CBC-CMAC-128", 12), sim.WithPACE("id-PACE-ECDH-GM-AES-CBC-CMAC-128", 13), sim.WithPACE("id-PACE-ECDH-IM-3DES-CBC-CBC", 13)}, both},
		row{"no extended length", with(sim.WithoutExtended()), both},
		row{"answers in parts", with(sim.WithoutExtended(), sim.GetResponse(100)), both},
		row{"no short identifiers", with(sim.WithoutSFI()), both},
		row{"a master file", with(sim.WithMasterFile(), sim.PlainCardAccess()), both},
		row{"short answers", with(sim.MaxAnswer(100)), both},
		row{"strict ends 6B00", with(sim.StrictEnd(0x6B00)), both},
		row{"strict ends 6Cxx", with(sim.StrictEnd(0x6C00), sim.WithoutExtended()), both},
		row{"no proofs", []sim.Option{sim.WithoutActiveAuthentication(), sim.WithoutChipAuthentication()}, "not_supported not_supported chip-trusted"},
		row{"no key of the agreement", []sim.Option{sim.WithoutAgreementKey()}, "failed ok none"},
		row{"no key of the signature", []sim.Option{sim.WithoutSignatureKey()}, "ok failed none"},
	)
	for _, x := range rows {
		t.Run(x.name, func(t *testing.T) {
			doc := read(t, newCard(t, x.opt...), canOf(t, "000017"))
			v := emrtd.VerifyDocument(doc, trust(t), time.Now())
			if got := proved(v); got != x.want {
				t.Errorf("got %s, want %s; %v", got, x.want, v.Detail)
			}
			if kind, _, _ := strings.Cut(x.name, " "); kind == "GM" || kind == "IM" || kind == "CAM" || kind == "DH" {
				if doc.Access.Mechanism != "PACE" || !strings.Contains(doc.Access.Protocol, kind) {
					t.Errorf("opened by %s %s", doc.Access.Mechanism, doc.Access.Protocol)
				}
			}
		})
	}
}

func TestFaultsOfTheSignerShowInTheAnswers(t *testing.T) {
	for what, x := range map[string]struct {
		opt  sim.Option
		want string // hashes, signature
	}{
		"wrong SOD":        {sim.WrongSOD(), "failed ok"},
		"broken signature": {sim.BrokenSignature(), "ok failed"},
		"changed DG14":     {sim.Tamper(sim.FileDG14), "failed ok"},
	} {
		v := emrtd.Verify(read(t, newCard(t, x.opt), canOf(t, "000017")).Files, trust(t), time.Now())
		if got := fmt.Sprint(v.Hashes, " ", v.SODSignature); got != x.want || v.Assurance() != "none" {
			t.Errorf("%s: %s, assurance %s; want %s, none", what, got, v.Assurance(), x.want)
		}
	}
}

func TestHostileLengthsEndTheFileOrTheRead(t *testing.T) {
	for what, opt := range map[string]sim.Option{
		"header beyond the file": sim.LongerThanSaid(sim.FileDG2, 5000),
		"bytes after the file":   sim.Trailing(sim.FileDG1, 300),
		"endless 61xx":           sim.Endless61(),
		"4 GB COM":               sim.HostileLength(sim.FileCOM),
		"SW out of profile":      sim.StatusWord(0xB0, 0x1234),
		"denied file":            sim.Deny(sim.FileDG13, 0x6FFF),
	} {
		t.Run(what, func(t *testing.T) {
			start := time.Now()
			doc, err := emrtd.Read(t.Context(), newCard(t, opt), canOf(t, "000017"), emrtd.Options{})
			if err == nil && what == "bytes after the file" && string(doc.Files[emrtd.DG1]) != string(sim.DefaultCitizen().DG1()) {
				t.Error("DG1 brought the bytes behind it along")
			}
			if time.Since(start) > time.Minute {
				t.Error("the read went on for more than a minute")
			}
		})
	}
}

func TestABlockedChipStaysBlocked(t *testing.T) {
	card := newCard(t, sim.BlockAfter(3))
	for n := range 3 {
		if _, err := emrtd.Read(t.Context(), card, canOf(t, "111111"), emrtd.Options{}); err == nil {
			t.Fatalf("try %d with a wrong CAN worked", n)
		}
	}
	card.Reset()
	if _, err := emrtd.Read(t.Context(), card, canOf(t, "000017"), emrtd.Options{}); err == nil {
		t.Error("a blocked chip opened")
	}
	card = newCard(t, sim.BlockAfter(3))
	if _, err := emrtd.Read(t.Context(), card, canOf(t, "111111"), emrtd.Options{}); err == nil {
		t.Error("a wrong CAN worked")
	}
	read(t, card, canOf(t, "000017")) // with a warning about the tries left
}
