package profile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What may be wrong with an answer.
const (
	WrongRequired = "required"
	WrongFormat   = "format"
	WrongRange    = "range"
	WrongChoice   = "unknown_choice"
)

// defaultLength bounds a text whose question says nothing.
const defaultLength = 200

// Answer cleans an answer and says what is wrong with it, "" when nothing is. An
// empty answer is wrong only where one is required. options are those of a choice
// or a catalogue, today the day that a date's bounds count from.
func (q Question) Answer(text string, options []Option, today time.Time) (clean, wrong string) {
	if len(text) > 4*maxTextRunes || !utf8.ValidString(text) {
		return "", WrongFormat
	}
	clean = strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	if clean == "" {
		if q.Required {
			return "", WrongRequired
		}
		return "", ""
	}
	if strings.ContainsFunc(clean, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", WrongFormat
	}
	switch q.Kind {
	case KindChoice, KindCatalogue:
		if !slices.ContainsFunc(options, func(o Option) bool { return o.ID == clean }) {
			return "", WrongChoice
		}
	case KindNumber:
		n, err := strconv.Atoi(clean)
		if err != nil {
			return "", WrongFormat
		}
		return strconv.Itoa(n), q.bounds(n)
	case KindDate:
		return q.date(clean, today)
	default:
		return clean, q.text(clean)
	}
	return clean, ""
}

func (q Question) bounds(n int) string {
	if q.Min != nil && n < *q.Min || q.Max != nil && n > *q.Max {
		return WrongRange
	}
	return ""
}

// date reads yyyy-MM-dd or dd/MM/yyyy; what it returns is the former.
func (q Question) date(s string, today time.Time) (clean, wrong string) {
	for _, layout := range []string{time.DateOnly, "02/01/2006"} {
		d, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		y, m, day := today.Date()
		days := int(d.Sub(time.Date(y, m, day, 0, 0, 0, 0, time.UTC)).Hours() / 24)
		return d.Format(time.DateOnly), q.bounds(days)
	}
	return "", WrongFormat
}

func (q Question) text(s string) string {
	limit := q.MaxLength
	if limit == 0 {
		limit = defaultLength
	}
	if utf8.RuneCountInString(s) > limit {
		return WrongRange
	}
	if q.Pattern == "" {
		return ""
	}
	if re, err := regexp.Compile(`^(?:` + q.Pattern + `)$`); err != nil || !re.MatchString(s) {
		return WrongFormat
	}
	return ""
}
