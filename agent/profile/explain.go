package profile

import (
	"fmt"
	"strings"

	"tram/drivers/emrtd"
)

// Explain tells what a visit is at this counter, a sentence for each part, in
// plain words.
func (p Profile) Explain() []string {
	evidence := map[Evidence]string{
		EvidenceQR: "the QR code of the card or of VNeID", EvidenceVNeID: "a VNeID code that the hub resolves",
		EvidenceBHYT: "the QR code of a health insurance card", EvidenceChip: "the chip of the card",
		EvidencePassport: "the chip of a passport, opened by its machine readable lines",
		EvidenceTyped:    "a declaration that a clerk types", EvidenceCamera: "people counted by a camera",
	}
	var brings []string
	for _, e := range p.Evidence {
		brings = append(brings, evidence[e])
	}
	lines := []string{"Accepts " + strings.Join(brings, "; ") + "."}
	if p.Basis == BasisLegalDuty {
		lines = append(lines, "The law demands it ("+or(p.Law["en"], "not named")+"): the person is told, and not asked.")
	} else {
		lines = append(lines, "The person is asked for consent before a chip is read or a face is taken. Law: "+or(p.Law["en"], "not named")+".")
	}
	lines = append(lines, map[emrtd.Assurance]string{
		emrtd.Declared: "A declaration is enough for a record; it says how sure the device was.", emrtd.QR: "A code is enough for a record: text that can be copied.",
		emrtd.Chip: "A record needs a chip whose hashes and signature hold.", emrtd.ChipTrusted: "A record needs a chip whose signer is trusted.",
		emrtd.ChipGenuine: "A record needs a chip that proved not to be a copy.",
	}[p.Assurance])
	switch p.Face {
	case FaceIfPossible:
		lines = append(lines, "The face is compared with the chip's portrait where a camera is there.")
	case FaceRequired:
		lines = append(lines, "The face must match the chip's portrait.")
	}
	if p.Liveness == LivenessTurn {
		lines = append(lines, "The person turns the head, so that no picture passes for a face.")
	}
	if p.Quick {
		lines = append(lines, "Nobody touches the screen: what the evidence gives is recorded at once.")
	}
	for _, q := range p.Questions {
		need := "may be left open"
		if q.Required {
			need = "must be answered"
		}
		lines = append(lines, fmt.Sprintf("Asks the %s: %s (%s, %s).", q.By, or(q.Label["en"], q.ID), q.Kind, need))
	}
	if len(p.Keeps) == 0 {
		lines = append(lines, "Keeps nothing of a person.")
	} else {
		lines = append(lines, "Keeps "+strings.Join(p.Keeps, ", ")+".")
	}
	makes := "Makes the record " + p.Record
	if p.Closes != "" {
		makes += ", and " + p.Closes + " when the same person comes again"
	}
	lines = append(lines, makes+".")
	if r := p.Register; r != nil {
		lines = append(lines, fmt.Sprintf("The device remembers it (%s: %s) for %s, then destroys the keys.", r.Kind, or(strings.Join(r.Keeps, ", "), "nothing of the person"), r.Retain.Value()))
	} else {
		lines = append(lines, "The device remembers nothing of it.")
	}
	if t := p.Ticket; t != nil {
		lines = append(lines, map[TicketKind]string{TicketQueue: "Gives a number in the queue.", TicketSlip: "Gives a slip that says what was verified, and how."}[t.Kind])
	}
	if len(p.Exports) > 0 {
		var names []string
		for _, e := range p.Exports {
			names = append(names, string(e))
		}
		lines = append(lines, "Comes out as "+strings.Join(names, ", ")+".")
	}
	return lines
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
