package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tram/agent/visit"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
)

// mrzLines is what the machine readable zone says, beside the person's fields.
type mrzLines struct {
	Format       string   `json:"format"` // "TD1", "TD2", "TD3"
	DocumentCode string   `json:"documentCode"`
	Issuer       string   `json:"issuer"`
	Nationality  string   `json:"nationality"`
	Surname      string   `json:"surname"`
	GivenNames   string   `json:"givenNames"`
	Birth        string   `json:"birth"`  // YYMMDD
	Sex          string   `json:"sex"`    // "M", "F", ""
	Expiry       string   `json:"expiry"` // YYMMDD
	Lines        []string `json:"lines"`
	Wrong        []string `json:"wrongCheckDigits,omitempty"`
}

// groupLines is what the groups say that the person's fields do not hold.
type groupLines struct {
	MRZ   *mrzLines           `json:"dg1,omitempty"`
	DG2   []pictureLine       `json:"dg2,omitempty"`
	DG7   []pictureLine       `json:"dg7,omitempty"`
	DG11  map[string]string   `json:"dg11,omitempty"`
	DG12  map[string]string   `json:"dg12,omitempty"`
	DG13  *dg13Lines          `json:"dg13,omitempty"`
	DG14  []string            `json:"dg14,omitempty"` // ways of Chip Authentication
	DG15  string              `json:"dg15,omitempty"` // key of Active Authentication
	DG16  []map[string]string `json:"dg16,omitempty"`
	notes []string
}

type pictureLine struct {
	Format string `json:"format"`
	Bytes  int    `json:"bytes"`
}

type dg13Lines struct {
	Version  int              `json:"version"`
	OID      string           `json:"oid,omitempty"`
	Parents  []string         `json:"parents,omitempty"`
	Extra    map[int][]string `json:"extra,omitempty"`
	Degraded bool             `json:"degraded,omitempty"`
	Unknown  bool             `json:"unknown,omitempty"` // another or encrypted body
	RawBytes int              `json:"rawBytes,omitempty"`
}

// groupsOf takes the groups apart. What cannot be read is a note.
func groupsOf(files emrtd.Files, ev visit.Evidence) *groupLines {
	g := &groupLines{MRZ: mrzOf(ev.MRZ), DG13: dg13Of(ev.DG13)}
	note := func(err error) bool {
		if err != nil {
			g.notes = append(g.notes, err.Error())
		}
		return err == nil
	}
	if faces, err := emrtd.ParseFaces(files[emrtd.DG2]); err == nil { // its error is a note already
		g.DG2 = picturesOf(faces)
	}
	if raw, ok := files[emrtd.DG7]; ok {
		if pictures, err := emrtd.ParseDG7(raw); note(err) {
			g.DG7 = picturesOf(pictures)
		}
	}
	for id, into := range map[emrtd.FileID]*map[string]string{emrtd.DG11: &g.DG11, emrtd.DG12: &g.DG12} {
		parse := map[emrtd.FileID]func([]byte) (emrtd.Details, error){emrtd.DG11: emrtd.ParseDG11, emrtd.DG12: emrtd.ParseDG12}[id]
		if raw, ok := files[id]; ok {
			if details, err := parse(raw); note(err) {
				*into = details.Reveal()
			}
		}
	}
	if raw, ok := files[emrtd.DG16]; ok {
		if persons, err := emrtd.ParseDG16(raw); note(err) {
			for _, p := range persons {
				g.DG16 = append(g.DG16, p.Reveal())
			}
		}
	}
	keys := emrtd.ParseChipKeys(files)
	g.DG14, g.DG15 = keys.ChipAuthentication, keys.ActiveAuthentication
	slices.Sort(g.notes)
	return g
}

func picturesOf(pictures []emrtd.Portrait) []pictureLine {
	var out []pictureLine
	for _, p := range pictures {
		out = append(out, pictureLine{Format: p.Format, Bytes: len(p.Data.Reveal())})
	}
	return out
}

func mrzOf(m *emrtd.MRZInfo) *mrzLines {
	if m == nil {
		return nil
	}
	out := &mrzLines{Format: m.Format, DocumentCode: m.DocumentCode, Issuer: m.Issuer, Nationality: m.Nationality.Reveal(), Surname: m.Surname.Reveal(), GivenNames: m.GivenNames.Reveal(),
		Birth: m.Birth.Reveal(), Sex: m.Sex.Reveal(), Expiry: m.Expiry.Reveal(), Lines: m.Lines.Reveal()}
	for _, c := range m.CheckDigits {
		if !c.OK {
			out.Wrong = append(out.Wrong, c.Field)
		}
	}
	return out
}

func dg13Of(d *cccd.DG13) *dg13Lines {
	if d == nil {
		return nil
	}
	return &dg13Lines{Version: d.Version, OID: d.OID, Parents: d.Parents.Reveal(), Extra: maps.Clone(d.Extra.Reveal()), Degraded: d.Degraded, Unknown: d.Unknown, RawBytes: len(d.Raw.Reveal())}
}

// warningsOf remarks what is odd in what was understood. They hold no values.
func warningsOf(ev visit.Evidence, qr *cccd.QR) []string {
	out := []string{}
	add := func(more ...string) {
		for _, w := range more {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	if ev.MRZ != nil {
		for _, c := range ev.MRZ.CheckDigits {
			if !c.OK {
				add("the check digit of the " + c.Field + " in the MRZ is wrong")
			}
		}
	}
	if ev.MRZ != nil {
		add(cccd.CheckMRZ(*ev.MRZ)...)
		if by := ev.Verification.SignerCountry; by != "" && by != "VN" && ev.MRZ.Issuer == "VNM" {
			add("the document is of VNM, but the signer of its chip is of " + strconv.Quote(by))
		}
	}
	if ev.DG13 != nil {
		add(ev.DG13.Warnings...)
	}
	if number, warnings := cccd.ParseNumber(ev.Person.IDCode.Reveal()); ev.Person.IDCode.Reveal() != "" {
		add(warnings...)
		birth, _ := cccd.ParseDate(ev.Person.DateOfBirth.Reveal()) // the zero date is not compared
		add(number.Compare(birth, ev.Person.Gender.Reveal())...)
	}
	if qr != nil {
		for _, w := range qr.Warnings {
			add("QR: " + strings.TrimPrefix(w, "QR: "))
		}
	}
	return out
}
