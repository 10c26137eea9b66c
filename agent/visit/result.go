package visit

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// Fields are the names under which a Result gives a person's data, as readers
// in Viet Nam call them.
var Fields = []string{
	"idCode", "oldIdCode", "personName", "dateOfBirth", "gender", "nationality", "race", "religion", "originPlace",
	"residencePlace", "personalIdentification", "issueDate", "expiryDate", "fatherName", "motherName", "wifeName", "documentNumber",
}

// dates have an ISO twin: dateOfBirthIso beside dateOfBirth.
var dates = []string{"dateOfBirth", "issueDate", "expiryDate"}

// Result is what a visit tells the program that owns it: the fields that the
// profile keeps, in full; those that it does not keep are empty.
type Result struct {
	Visit   string
	Profile string
	Stage   Stage
	// Source is "chip", "qr", "mrz" or "manual".
	Source       string
	Assurance    string
	Verification Verdicts
	FromCode     []string // fields that only the code gave
	ConsentID    string
	ConsentBasis string
	ConsentTime  time.Time
	Answers      map[string]string
	Sequence     uint64 // of the record, once it is accepted
	Person       privacy.Private[map[string]string]
}

// Verdicts are the four answers about a chip under the names that programs
// know; "not_done" without one.
type Verdicts struct {
	PA    string `json:"pa"`    // hashes and the SOD's signature
	Chain string `json:"chain"` // to a CSCA that the operator trusts
	CA    string `json:"ca"`    // Chip Authentication
	AA    string `json:"aa"`    // Active Authentication
}

// MarshalJSON writes one flat object, the person's fields beside the others:
// this is the one place where they leave for a program.
func (r Result) MarshalJSON() ([]byte, error) {
	out := map[string]any{
		"visit": r.Visit, "profile": r.Profile, "stage": r.Stage, "source": r.Source, "assurance": r.Assurance,
		"verification": r.Verification, "fromCode": append([]string{}, r.FromCode...),
		"consentId": r.ConsentID, "consentBasis": r.ConsentBasis, "consentTime": r.ConsentTime,
		"answers": map[string]string{}, "sequence": r.Sequence,
	}
	if r.Answers != nil {
		out["answers"] = r.Answers
	}
	person := r.Person.Reveal()
	for _, name := range Fields {
		out[name] = person[name]
	}
	for _, name := range dates {
		out[name+"Iso"] = iso(person[name])
	}
	return json.Marshal(out)
}

// iso writes a card's date as yyyy-MM-dd, yyyy-MM or yyyy; "" for what is none.
func iso(date string) string {
	for _, l := range [][2]string{{"02/01/2006", "2006-01-02"}, {"01/2006", "2006-01"}, {"2006", "2006"}} {
		if t, err := time.Parse(l[0], date); err == nil {
			return t.Format(l[1])
		}
	}
	return ""
}

// Result returns what the program that owns a visit may have, once the person
// consented and the evidence is read: at the stages ask, confirm and recorded.
func (e *Engine) Result(id string) (Result, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.cur
	if s == nil || s.id != id || s.agreed.IsZero() || !slices.Contains([]Stage{StageAsk, StageConfirm, StageRecorded}, s.stage) {
		return Result{}, false
	}
	kept, fromCode := keep(s, e.opt.Profile.Keeps)
	r := Result{
		Visit: s.id, Profile: e.opt.Profile.Name, Stage: s.stage, Source: sourceName(s.source), Assurance: s.level(),
		Verification: s.verdicts(),
		FromCode:     fromCode, ConsentID: s.id, ConsentBasis: string(e.opt.Profile.Basis), ConsentTime: s.agreed.UTC(),
		Answers: maps.Clone(s.answers), Person: privacy.New(kept),
	}
	if s.record != nil {
		r.Sequence = s.record.Sequence
	}
	return r, true
}

func (s *session) verdicts() Verdicts {
	if s.verification == nil {
		return Verdicts{PA: "not_done", Chain: "not_done", CA: "not_done", AA: "not_done"}
	}
	a := Answers(*s.verification)
	return Verdicts{PA: both(a.Hashes, a.SODSignature), Chain: a.Chain, CA: a.ChipAuthentication, AA: a.ActiveAuthentication}
}

// both is Passive Authentication in one word.
func both(hashes, signature string) string {
	failed, ok := string(emrtd.Failed), string(emrtd.OK)
	switch {
	case hashes == failed || signature == failed:
		return failed
	case hashes == ok && signature == ok:
		return ok
	}
	return "not_done"
}

// sourceName is the source under the names that programs know.
func sourceName(source string) string {
	switch source {
	case "chip", SourceMRZ, SourceManual:
		return source
	}
	return "qr"
}
