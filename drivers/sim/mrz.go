package sim

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// mrzNameLen is the room for the name in line 3 of a TD1 document.
const mrzNameLen = 30

// MRZ returns the machine-readable zone of the card: the three lines of 30
// characters of a TD1 document, joined to 90 (Doc 9303-5). The document number
// is the last nine digits of the ID number, the first optional field holds the
// whole ID number and its check digit, as the Vietnamese card prints them.
func (c Citizen) MRZ() string {
	c = c.normalised()
	document, birth, expiry := c.mrzKeys()
	line1 := "IDVNM" + document + check(document) + c.IDCode + "<<" + check(c.IDCode)
	sex := "M"
	if c.Gender == "Nữ" {
		sex = "F"
	}
	line2 := birth + check(birth) + sex + expiry + check(expiry) + "VNM" + strings.Repeat("<", 11)
	line2 += check(line1[5:] + line2[0:7] + line2[8:15] + line2[18:29])
	return line1 + line2 + mrzName(c.PersonName)
}

// mrzKeys returns the three fields that Basic Access Control is keyed with, in
// the form of the MRZ: document number, birth and expiry as YYMMDD.
//
// An unknown day or month of birth is filled with "<" (Doc 9303-3); a card
// without expiry carries 991231. Neither was seen on a real card yet.
func (c Citizen) mrzKeys() (document, birth, expiry string) {
	document = strings.Repeat("<", 9)
	if len(c.IDCode) == 12 {
		document = c.IDCode[3:]
	}
	b, _ := parseDate(c.DateOfBirth)
	expiry = "991231"
	if e, ok := parseDate(c.ExpiryDate); ok {
		expiry = e.mrz()
	}
	return document, b.mrz(), expiry
}

// mrzInformation is the text that the MRZ's access keys are derived from:
// number, birth and expiry, each with its check digit (Doc 9303-11 §9.7.2).
func (c Citizen) mrzInformation() string {
	document, birth, expiry := c.mrzKeys()
	return document + check(document) + birth + check(birth) + expiry + check(expiry)
}

func (d date) mrz() string {
	part := func(n int) string {
		if n == 0 {
			return "<<"
		}
		return fmt.Sprintf("%02d", n)
	}
	return fmt.Sprintf("%02d", d.year%100) + part(d.month) + part(d.day)
}

// check returns the check digit of s: weights 7, 3, 1; letters from A = 10; the
// filler counts zero (Doc 9303-3 §4.9).
func check(s string) string {
	sum := 0
	for i := range len(s) {
		v := 0
		switch ch := s[i]; {
		case ch >= '0' && ch <= '9':
			v = int(ch - '0')
		case ch >= 'A' && ch <= 'Z':
			v = int(ch-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return string(rune('0' + sum%10))
}

// nameParts returns the words of a name in the letters of the MRZ: upper case,
// without diacritics, Đ as D, apostrophes dropped, hyphens as word ends.
func nameParts(name string) []string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		r = unicode.ToUpper(r)
		switch {
		case r == 'Đ':
			b.WriteByte('D')
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case unicode.IsSpace(r) || r == '-':
			b.WriteByte(' ')
		}
	}
	return strings.Fields(b.String())
}

// mrzName returns line 3 of the Vietnamese card: the first word is the surname.
func mrzName(name string) string {
	words := nameParts(name)
	if len(words) == 0 {
		return strings.Repeat("<", mrzNameLen)
	}
	return mrzNames(words[:1], words[1:], mrzNameLen)
}

// mrzNames returns SURNAME<<MIDDLE<GIVEN, filled to n. A name that is too long is
// cut so that at least one letter of the given names stays and the line ends in a
// letter, which tells that it was cut (Doc 9303-5 §4.2.3).
func mrzNames(surnames, givenNames []string, n int) string {
	surname, given := strings.Join(surnames, "<"), strings.Join(givenNames, "<")
	if surname == "" {
		surname, given = given, ""
	}
	if len(surname)+2+len(given) > n && given != "" && len(surname) > n-3 {
		surname = strings.TrimRight(surname[:n-3], "<")
	}
	line := surname
	if given != "" {
		line += "<<" + given
	}
	if len(line) > n && line[n-1] == '<' {
		line = dropLetter(line, n-2)
	}
	if len(line) > n {
		line = line[:n]
	}
	return line + strings.Repeat("<", n-len(line))
}

// dropLetter removes the letter at or before i that ends a word of two or more,
// so that no filler stands where the line is cut.
func dropLetter(line string, i int) string {
	for ; i > 0; i-- {
		if line[i] != '<' && line[i-1] != '<' {
			return line[:i] + line[i+1:]
		}
	}
	return line
}
