package profile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tram/configs"
	"tram/drivers/emrtd"
)

func TestEveryShippedProfileIsRight(t *testing.T) {
	names := Names()
	want := []string{"clinic", "coach", "exam-room", "hospital-kiosk", "industrial-gate", "inpatient", "lodging", "notary", "one-stop", "pawn-security", "rental", "tourist-gate"}
	if !slices.Equal(names, want) {
		t.Fatalf("shipped are %v, want %v", names, want)
	}
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if p.Name != name {
			t.Errorf("file %s.yaml holds profile %q", name, p.Name)
		}
		if p.Law["vi"] == "" || p.Law["en"] == "" || len(p.Model) == 0 {
			t.Errorf("%s names no law or no model of the plan", name)
		}
		for _, q := range p.Questions {
			if options, err := Catalogue(q.Catalogue); q.Catalogue != "" && (err != nil || len(options) == 0) {
				t.Errorf("%s asks from the catalogue %s, which is not there: %v", name, q.Catalogue, err)
			}
		}
	}
}

func TestSensitiveFieldsAreNotKeptUnlessAProfileAsks(t *testing.T) {
	for _, name := range Names() {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range p.Keeps {
			switch field {
			case "race", "religion", "fatherName", "motherName", "wifeName", "personalIdentification":
				t.Errorf("%s keeps %s, which no counter of its kind needs", name, field)
			}
		}
	}
}

func TestEnoughNeverTakesAFailedCheck(t *testing.T) {
	for _, c := range []struct {
		asks, has emrtd.Assurance
		want      bool
	}{
		{emrtd.Declared, emrtd.None, false},
		{emrtd.QR, emrtd.None, false},
		{emrtd.QR, emrtd.QR, true},
		{emrtd.Chip, emrtd.QR, false},
		{emrtd.Chip, emrtd.ChipTrusted, true},
		{emrtd.ChipGenuine, emrtd.ChipTrusted, false},
		{emrtd.QR, "something new", false},
	} {
		if got := (Profile{Assurance: c.asks}).Enough(c.has); got != c.want {
			t.Errorf("a counter that asks for %s, a card that gave %q: %v, want %v", c.asks, c.has, got, c.want)
		}
	}
}

func TestAProfileThatContradictsItselfIsRefused(t *testing.T) {
	const good = `name: x
title: {vi: a, en: b}
purpose: {vi: a, en: b}
evidence: [qr]
assurance: qr
keeps: [idCode]
record: vn.tram.visit.registered.v1
`
	if _, err := Parse("x.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for change, key := range map[string]string{
		"assurance: qr->assurance: chip":                     "assurance",
		"evidence: [qr]->evidence: []":                       "evidence",
		"evidence: [qr]->evidence: [eye]":                    "evidence",
		"keeps: [idCode]->keeps: [shoeSize]":                 "keeps",
		"title: {vi: a, en: b}->title: {}":                   "title",
		"name: x->name: x\nface: required":                   "face",
		"name: x->name: x\nbasis: because":                   "basis",
		"record: vn.tram.visit.registered.v1->record: visit": "record",
	} {
		before, after, _ := strings.Cut(change, "->")
		_, err := Parse("x.yaml", []byte(strings.Replace(good, before, after, 1)))
		var problems configs.Problems
		if !errors.As(err, &problems) || problems[0].Key != key || problems[0].Remedy == "" {
			t.Errorf("%s: %v, want a problem of %s with a remedy", change, err, key)
		}
	}
	if _, err := Load("moon-base"); err == nil || !strings.Contains(err.Error(), "clinic") {
		t.Errorf("an unknown profile: %v, want the known ones named", err)
	}
}

func TestAProfileSaysWhatTheCounterLacks(t *testing.T) {
	bare := configs.Default()
	bare.Reader.Enabled = false
	for profile, key := range map[string]string{"hospital-kiosk": "reader.enabled", "tourist-gate": "gate.source", "industrial-gate": "gate.source", "clinic": ""} {
		p, err := Load(profile)
		if err != nil {
			t.Fatal(err)
		}
		problems := p.Fits("f", configs.Lines{key: 7}, bare)
		if key == "" && len(problems) == 0 {
			continue
		}
		if len(problems) != 1 || problems[0].Key != key || problems[0].Line != 7 {
			t.Errorf("%s: %v, want one problem of %s", profile, problems, key)
		}
	}
	strict := Profile{Name: "x", Face: FaceRequired, Evidence: []Evidence{EvidenceQR, EvidenceChip}, Assurance: emrtd.Chip}
	if problems := strict.Fits("f", nil, configs.Default()); len(problems) != 1 || problems[0].Key != "camera.source" {
		t.Errorf("a face without a camera: %v", problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: x\nevidence: [qr]\n"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = Parse("f", data) })
}
