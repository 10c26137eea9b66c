package visit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/sim"
)

func TestACardLaidFirstIsOpenedByTheNumberTyped(t *testing.T) {
	c := newDesk(t, shipped(t, "one-stop"), &register{})
	c.Card(true)
	if v := c.View(); v == nil || !v.NeedsCAN || v.Person != nil || v.CanSkipChip {
		t.Fatalf("a card lies there and the screen says %+v", v)
	}
	if _, err := c.CAN("17"); !errors.Is(err, ErrBadField) {
		t.Errorf("two digits: %v", err)
	}
	number := sim.DefaultCitizen().IDCode
	id, err := c.CAN(number[6:])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageAsk)
	if err := errors.Join(c.Answer(id, map[string]string{"service": "other"}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Source != "chip" || r.Person["idCode"] != number || r.Assurance != "chip-genuine" {
		t.Errorf("source %s, assurance %s", r.Source, r.Assurance)
	}
	c.Card(false)
	if err := c.Cancel(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	c.Card(false)
	if v := c.View(); v != nil {
		t.Errorf("the card is gone and the screen still asks: %+v", v)
	}
}

func TestAHealthInsuranceCodeGoesIntoTheCheckInFields(t *testing.T) {
	const text = "GD4950000000017|4e677579e1bb856e2056c4836e205468e1bbad|15/01/1999|1|53e1bb91|66 - 001|01/01/2026|-|01/01/2026|66001|-|-|01/01/2031|17$"
	book := &register{}
	c := newDesk(t, shipped(t, "clinic"), book)
	id := c.code(t)
	if again, err := c.ScanQR([]byte(text)); err != nil || again != id {
		t.Fatalf("the insurance card of the same person: %v", err)
	}
	if err := errors.Join(c.Consent(id), c.SkipChip(id), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	in := c.record(t).CheckIn
	want := map[string]string{"ma_the_bhyt": "GD4950000000017", "ma_dkbd": "66001", "gt_the_tu": "20260101", "gt_the_den": "", "ngay_sinh": "199901150000", "gioi_tinh": "1"}
	for name, value := range want {
		if in[name] != value {
			t.Errorf("%s is %q, want %q", name, in[name], value)
		}
	}
	if len(in["ngay_vao"]) != 12 || len(in) != 9 {
		t.Errorf("%d fields, arrival of %d digits", len(in), len(in["ngay_vao"]))
	}
	// The register keeps what the profile says, so that the day's table has it, too.
	kept := map[string]string{"insuranceNumber": "GD4950000000017", "insurancePlace": "66001", "insuranceFrom": "01/01/2026", "insuranceUntil": ""}
	person := book.begun[id].Person.Reveal()
	for name, value := range kept {
		if person[name] != value || c.record(t).Person[name] != value {
			t.Errorf("%s is kept as %q, recorded as %q, want %q", name, person[name], c.record(t).Person[name], value)
		}
	}
	if id, err := c.ScanQR([]byte(text)); err != nil || c.View().Code != SourceBHYT || c.View().ID != id {
		t.Errorf("a visit that begins with it: %v", err)
	}
}

// code scans the citizen's code and does nothing else.
func (c *counter) code(t *testing.T) string {
	t.Helper()
	id, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2021()))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAForeignersPassportIsOpenedByItsLines(t *testing.T) {
	passport := &sim.Document{
		Format: "TD3", State: "UTO", Number: "L898902C3", Surname: "Eriksson", GivenNames: "Anna Maria",
		DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2036",
	}
	pki, err := sim.NewPKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewHolderCard(sim.Holder{Document: passport}, pki, portrait())
	if err != nil {
		t.Fatal(err)
	}
	c := newDesk(t, shipped(t, "lodging"), &register{})
	c.chip.card = card
	if c.chip.trust, err = emrtd.NewTrust(pki.CSCA()); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "P<UTO", "hello"} {
		if _, err := c.MRZ(wrong); !errors.Is(err, ErrBadField) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	id, err := c.MRZ(strings.ToLower(passport.MRZ()[:44] + "\n" + passport.MRZ()[44:]))
	if err != nil {
		t.Fatal(err)
	}
	if v := c.View(); v.Source != SourceMRZ || v.Assurance != "declared" {
		t.Errorf("before the chip: source %s, assurance %s", v.Source, v.Assurance)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	c.await(t, StageAsk)
	if err := errors.Join(c.Answer(id, map[string]string{"room": "7", "until": inDays(3)}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Source != "chip" || !strings.HasPrefix(r.Assurance, "chip-") || r.Person["documentNumber"] != "L898902C3" || r.Person["nationality"] != "UTO" {
		t.Errorf("source %s, assurance %s, number %q", r.Source, r.Assurance, r.Person["documentNumber"])
	}
}

// awaitOneOf waits for one of the stages.
func (c *counter) awaitOneOf(t *testing.T, stages ...Stage) *View {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if v := c.View(); v != nil {
			for _, s := range stages {
				if v.Stage == s {
					return v
				}
			}
		}
	}
	t.Fatalf("waited in vain for %v: %+v", stages, c.View())
	return nil
}
