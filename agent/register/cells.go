package register

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tram/agent/lodging"
	"tram/sync/wire"
)

// smallCell is the least count that is told.
const smallCell = wire.LeastCell

// withhold takes cells out into which fewer than five fall, and as many more as it needs that nobody finds one by
// subtracting what is told from the total, or by knowing this rule. It returns how many cells those are, and how
// many fall into them together: none, or at least five in two cells.
func withhold(cells map[string]int) (withheld, together int) {
	names := slices.SortedFunc(maps.Keys(cells), func(a, b string) int { return cmp.Or(cells[a]-cells[b], cmp.Compare(a, b)) })
	for i, name := range names {
		n := cells[name]
		// The least cell that is told bounds each withheld one from above. Where only one small cell and one cover are left
		// below it, the sum must leave open which they are.
		open := together >= smallCell && together-n < min(smallCell-1, together-smallCell)
		if n >= smallCell && (i == 0 || open) {
			break
		}
		delete(cells, name)
		withheld, together = withheld+1, together+n
	}
	return withheld, together
}

func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func ageBand(birth string, at time.Time) string {
	year, err := strconv.Atoi(yearOf(birth))
	switch age := at.Year() - year; {
	case err != nil || age < 0:
		return "unknown"
	case age < 18:
		return "0-17"
	case age < 35:
		return "18-34"
	case age < 60:
		return "35-59"
	}
	return "60+"
}

// midnight is the begin of a day at the place.
func midnight(t time.Time) time.Time {
	y, m, d := t.In(Place).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Place)
}

// nights is how many a stay has, in bands.
func nights(from, to time.Time) string {
	switch n := int(midnight(to).Sub(midnight(from)) / (24 * time.Hour)); {
	case n < 1:
		return "0"
	case n == 1:
		return "1"
	case n < 7:
		return "2-6"
	}
	return "7+"
}

// stayed is how long a stay was, "open" while it lasts.
func (e *entry) stayed() string {
	if e.Closed.IsZero() {
		return "open"
	}
	return nights(e.Time, e.Closed)
}

// planned is how long a stay was to be when it began, by the answers.
func (e *entry) planned() string {
	until, err := time.ParseInLocation(time.DateOnly, e.Answers["until"], Place)
	if err != nil {
		return known("")
	}
	from, err := time.ParseInLocation(time.DateOnly, e.Answers["from"], Place)
	if err != nil {
		from = e.Time
	}
	return nights(from, until)
}

// age is the band at the arrival.
func (e *entry) age() string {
	return ageBand(cmp.Or(e.Person["dateOfBirth"], e.Person["birthYear"]), e.Time.In(Place))
}

// state is a nationality as a passport's lines write it.
var state = regexp.MustCompile(`^[A-Z]{1,3}$`)

// personalNumber is a number that only this country gives.
var personalNumber = regexp.MustCompile(`^[0-9]{12}$`)

// nationality is the state, as passports write it; what is written otherwise is another's.
func (e *entry) nationality() string {
	said := strings.ToUpper(strings.TrimSpace(e.Person["nationality"]))
	switch {
	case said == "" && personalNumber.MatchString(e.Person["idCode"]):
		return "VNM" // the card's code does not say it, but the card is a citizen's
	case said == "":
		return known("")
	case !lodging.Foreigner(said):
		return "VNM"
	case state.MatchString(said):
		return said
	}
	return "other"
}

// AnswerReason is the question that the reason of a stay answers.
const AnswerReason = "reason"

// reason is an answer that stood to choose from: what a person wrote freely is
// told of nobody.
func (r *Register) reason(e *entry) string {
	answer := e.Answers[AnswerReason]
	if r.opt.Policy.Reasons != nil && answer != "" && !slices.Contains(r.opt.Policy.Reasons, answer) {
		return "other"
	}
	return known(answer)
}
