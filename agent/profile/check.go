package profile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tram/configs"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
)

var (
	profileName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	recordType   = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9]+)+\.v[0-9]+$`)
	questionID   = regexp.MustCompile(`^[a-z][a-zA-Z0-9]{0,31}$`)
	optionID     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	languageCode = regexp.MustCompile(`^[a-z]{2,3}$`)
	ticketPrefix = regexp.MustCompile(`^[A-Z]{0,3}$`)
)

// Limits of a profile.
const (
	maxQuestions = 20
	maxOptions   = 200
	maxTextRunes = 1000
	minWait      = 5 * time.Second
	maxWait      = time.Hour
	minRetain    = time.Hour
	lastModel    = 35 // of the plan
)

type checker struct {
	Profile
	file     string
	lines    configs.Lines
	problems configs.Problems
}

func (c *checker) wrong(key, text, remedy string) {
	line := c.lines[key]
	for parent := key; line == 0 && parent != ""; line = c.lines[parent] {
		parent = parent[:max(0, strings.LastIndexAny(parent, ".["))]
	}
	c.problems = append(c.problems, configs.Problem{File: c.file, Line: line, Key: key, Text: text, Remedy: remedy})
}

func (p Profile) check(file string, lines configs.Lines) configs.Problems {
	c := &checker{Profile: p, file: file, lines: lines}
	c.texts()
	c.evidence()
	c.fields("keeps", p.Keeps)
	if !recordType.MatchString(p.Record) {
		c.wrong("record", fmt.Sprintf("%q is not a record type", p.Record), "write it like vn.tram.visit.registered.v1")
	}
	if _, said := lines["closes"]; said && (!recordType.MatchString(p.Closes) || p.Closes == p.Record) {
		c.wrong("closes", fmt.Sprintf("%q is not the type of a closing record", p.Closes), "write it like vn.tram.stay.closed.v1, or leave it out")
	}
	c.questions()
	c.register()
	c.rest()
	return c.problems
}

func (c *checker) texts() {
	if !profileName.MatchString(c.Name) {
		c.wrong("name", fmt.Sprintf("%q is not a name", c.Name), "use lower-case letters, digits and hyphens")
	}
	for _, l := range c.Languages {
		if !languageCode.MatchString(l) {
			c.wrong("languages", fmt.Sprintf("%q is not a language", l), "use codes such as vi, en")
		}
	}
	if !slices.Contains(c.Languages, "vi") {
		c.wrong("languages", "has no vi", "add vi: every counter speaks Vietnamese")
	}
	c.speaks("title", c.Title)
	c.speaks("purpose", c.Purpose)
	if _, said := c.lines["law"]; said {
		c.speaks("law", c.Law)
	}
	oneOf(c.wrong, "basis", c.Basis, BasisConsent, BasisLegalDuty)
}

// speaks checks that a text is there in every language of the profile, and for
// nothing that is no language.
func (c *checker) speaks(key string, text map[string]string) {
	for _, l := range slices.Sorted(maps.Keys(text)) {
		if !languageCode.MatchString(l) {
			c.wrong(key, fmt.Sprintf("%q is not a language", l), "use codes such as vi, en")
		} else if text[l] == "" && !slices.Contains(c.Languages, l) {
			c.wrong(key, "has no text for "+l, "write it, or remove "+l)
		}
	}
	for _, l := range c.Languages {
		if text[l] == "" {
			c.wrong(key, "has no text for "+l, "add "+l+": …")
		}
	}
}

func (c *checker) evidence() {
	oneOf(c.wrong, "face", c.Face, FaceOff, FaceIfPossible, FaceRequired)
	oneOf(c.wrong, "liveness", c.Liveness, LivenessOff, LivenessTurn)
	oneOf(c.wrong, "assurance", c.Assurance, levels...)
	if len(c.Evidence) == 0 {
		c.wrong("evidence", "is empty", "name at least one of qr, vneid, bhyt, chip, passport, typed, camera")
	}
	for _, e := range c.Evidence {
		oneOf(c.wrong, "evidence", e, EvidenceQR, EvidenceVNeID, EvidenceBHYT, EvidenceChip, EvidencePassport, EvidenceTyped, EvidenceCamera)
	}
	if c.Face != FaceOff && !c.ReadsChips() {
		c.wrong("face", "is asked for, but no chip is read", "add chip to evidence: the portrait comes from the chip")
	}
	if c.Liveness != LivenessOff && c.Face == FaceOff {
		c.wrong("liveness", "is asked for, but no face is compared", "set face to if-possible or required")
	}
	least := slices.Index(levels, c.Assurance)
	if least >= slices.Index(levels, emrtd.Chip) && !c.ReadsChips() {
		c.wrong("assurance", fmt.Sprintf("%q cannot be reached without the chip", c.Assurance), "add chip to evidence, or ask for qr")
	}
	if least > slices.Index(levels, emrtd.Declared) && c.Accepts(EvidenceTyped) {
		c.wrong("evidence", "typed is never more than declared, and this counter asks for "+string(c.Assurance), "remove typed, or set assurance to declared")
	}
	if c.Quick && c.Basis != BasisLegalDuty {
		c.wrong("quick", "leaves no moment to consent", "remove it, or set basis to legal-duty where a law demands the record")
	}
	if c.Quick && c.Face == FaceRequired {
		c.wrong("quick", "leaves no moment for the face", "remove it, or set face to off")
	}
}

func (c *checker) fields(key string, names []string) {
	known := Fields()
	for _, field := range names {
		if !slices.Contains(known, field) {
			c.wrong(key, fmt.Sprintf("%q is not a field of a person", field), "use "+strings.Join(known, ", "))
		}
	}
}

// Fields are the names of what may be kept of a person, those of the health
// insurance card among them.
func Fields() []string {
	all := cccd.Person{}.Fields()
	maps.Copy(all, (*cccd.Insurance)(nil).PersonFields())
	return slices.Sorted(maps.Keys(all))
}

func (c *checker) questions() {
	if len(c.Questions) > maxQuestions {
		c.wrong("questions", fmt.Sprintf("are %d, at most %d are asked", len(c.Questions), maxQuestions), "remove some: ask only what the law or the service needs")
	}
	seen := map[string]bool{}
	for i, q := range c.Questions {
		key := fmt.Sprintf("questions[%d]", i)
		if !questionID.MatchString(q.ID) {
			c.wrong(key+".id", fmt.Sprintf("%q is not the id of a question", q.ID), "use letters and digits, such as room")
		} else if seen[q.ID] {
			c.wrong(key+".id", fmt.Sprintf("%q is asked twice", q.ID), "give each question an id of its own")
		}
		seen[q.ID] = true
		c.speaks(key+".label", q.Label)
		if _, said := c.lines[key+".help"]; said {
			c.speaks(key+".help", q.Help)
		}
		oneOf(c.wrong, key+".by", q.By, ByPerson, ByClerk)
		c.questionKind(key, q)
	}
}

func (c *checker) questionKind(key string, q Question) {
	oneOf(c.wrong, key+".kind", q.Kind, KindText, KindChoice, KindCatalogue, KindDate, KindNumber)
	if (q.Kind == KindChoice) != (len(q.Options) > 0) {
		c.wrong(key+".options", "belong to a choice, and a choice needs them", "list options with id and label, or use another kind")
	}
	if len(q.Options) > maxOptions {
		c.wrong(key+".options", fmt.Sprintf("are %d, at most %d", len(q.Options), maxOptions), "use a catalogue")
	}
	ids := map[string]bool{}
	for i, o := range q.Options {
		at := fmt.Sprintf("%s.options[%d]", key, i)
		if !optionID.MatchString(o.ID) || ids[o.ID] {
			c.wrong(at+".id", fmt.Sprintf("%q is not an id, or there twice", o.ID), "use letters, digits, dots and hyphens, each once")
		}
		ids[o.ID] = true
		c.speaks(at+".label", o.Label)
	}
	if (q.Kind == KindCatalogue) != (q.Catalogue != "") || q.Catalogue != "" && !profileName.MatchString(q.Catalogue) {
		c.wrong(key+".catalogue", "belongs to a catalogue, and a catalogue needs its name", "name the list, such as departments, or use another kind")
	}
	if _, err := regexp.Compile(q.Pattern); err != nil || q.Pattern != "" && q.Kind != KindText {
		c.wrong(key+".pattern", "is not a regular expression of a text", "write it in RE2 syntax, or leave it out")
	}
	if q.MaxLength < 0 || q.MaxLength > maxTextRunes || q.MaxLength != 0 && q.Kind != KindText {
		c.wrong(key+".maxLength", fmt.Sprintf("%d is not a length of a text", q.MaxLength), fmt.Sprintf("use 1 to %d", maxTextRunes))
	}
	c.initial(key, q)
	if (q.Min != nil || q.Max != nil) && q.Kind != KindNumber && q.Kind != KindDate {
		c.wrong(key, "has bounds and is neither a number nor a date", "remove min and max")
	}
	if q.Min != nil && q.Max != nil && *q.Min > *q.Max {
		c.wrong(key+".min", "is above max", "swap them")
	}
}

// initial checks the answer that a question begins with.
func (c *checker) initial(key string, q Question) {
	if q.Default == "" || q.Kind == KindCatalogue { // only the hub knows the list
		return
	}
	if q.Kind == KindDate {
		c.wrong(key+".default", "is a day, which is soon over", "leave it out")
		return
	}
	if _, wrong := q.Answer(q.Default, q.Options, time.Time{}); wrong != "" {
		c.wrong(key+".default", fmt.Sprintf("%q is no answer to this question", q.Default), "write one that a person could give, or leave it out")
	}
}

func (c *checker) register() {
	r := c.Register
	if r == nil {
		return
	}
	oneOf(c.wrong, "register.kind", r.Kind, RegisterStays, RegisterTrips, RegisterRoster, RegisterPassages, RegisterVisits)
	c.fields("register.keeps", r.Keeps)
	for _, name := range r.Keeps {
		if !slices.Contains(c.Keeps, name) {
			c.wrong("register.keeps", fmt.Sprintf("%q is not kept in the record", name), "add it to keeps, or remove it here")
		}
	}
	if d := r.Retain.Value(); d < minRetain {
		c.wrong("register.retain", fmt.Sprintf("%v is less than %v", d, minRetain), "write a time such as 720h; the keys are destroyed after it")
	}
}

func (c *checker) rest() {
	if t := c.Ticket; t != nil {
		oneOf(c.wrong, "ticket.kind", t.Kind, TicketQueue, TicketSlip)
		if !ticketPrefix.MatchString(t.Prefix) {
			c.wrong("ticket.prefix", fmt.Sprintf("%q is not a prefix", t.Prefix), "use up to three capital letters")
		}
		if _, ok := c.Question(t.By); t.By != "" && !ok {
			c.wrong("ticket.by", fmt.Sprintf("%q is no question of this profile", t.By), "name a question, or leave it out")
		}
	}
	for _, e := range c.Exports {
		oneOf(c.wrong, "exports", e, ExportDD10, ExportNA17, ExportQD4750, ExportSlip)
		if (e == ExportDD10 || e == ExportNA17) && (c.Register == nil || c.Register.Kind != RegisterStays) {
			c.wrong("exports", string(e)+" is made of a register of stays", "add register: {kind: stays, …}")
		}
	}
	waits := []struct {
		key string
		d   configs.Duration
	}{{"idle", c.Timeouts.Idle}, {"card", c.Timeouts.Card}, {"confirm", c.Timeouts.Confirm}}
	for _, w := range waits {
		if v := w.d.Value(); v != 0 && (v < minWait || v > maxWait) {
			c.wrong("timeouts."+w.key, fmt.Sprintf("%v is not between %v and %v", v, minWait, maxWait), "write a time such as 30s")
		}
	}
	for _, m := range c.Model {
		if m < 1 || m > lastModel {
			c.wrong("model", fmt.Sprintf("%d is no model of the plan", m), fmt.Sprintf("use 1 to %d", lastModel))
		}
	}
}

func oneOf[T ~string](wrong func(key, text, remedy string), key string, got T, allowed ...T) {
	if slices.Contains(allowed, got) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	wrong(key, fmt.Sprintf("%q is not known", got), "use "+strings.Join(names, ", "))
}
