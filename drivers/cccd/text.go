package cccd

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Male and Female are the sexes as Vietnamese documents write them.
const (
	Male   = "Nam"
	Female = "Nữ"
)

// tidy brings a text into the one form it is compared and kept in: NFC, without
// control characters, single spaces.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\uFEFF' {
			return ' '
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")))
	return strings.Join(strings.Fields(s), " ")
}

// tidyAddress removes the empty parts (", ," and ", -") that registers leave in
// addresses.
func tidyAddress(s string) string {
	var parts []string
	for part := range strings.SplitSeq(tidy(s), ",") {
		if part = strings.TrimSpace(part); strings.Trim(part, "-– ") != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// fold returns the text without diacritics, in capitals, with single spaces: as
// an MRZ would write it.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'đ' || r == 'Đ':
			b.WriteByte('D')
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// gender reads a sex as documents write it; what is neither comes back tidied.
func gender(s string) string {
	s = tidy(s)
	switch fold(s) {
	case "NAM", "M", "MALE":
		return Male
	case "NU", "F", "FEMALE":
		return Female
	}
	return s
}

// vietnamese holds the letters beyond ASCII that Vietnamese is written with, in
// small letters.
const vietnamese = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"

// punctuation may stand in names (H’Hen) and addresses, but each is also half of
// a letter that was read in a wrong encoding.
const punctuation = "–—‘’“”…·№°²"

var vietnameseRunes = func() map[rune]bool {
	set := map[rune]bool{}
	for _, r := range vietnamese {
		set[r] = true
	}
	return set
}()

// plausible reports whether a text consists of what Vietnamese documents hold,
// and of the runes in also. Text that was read in a wrong encoding does not: it
// has accents on the wrong letters, Chinese characters or control codes.
func plausible(s, also string) bool {
	for _, r := range norm.NFC.String(s) {
		switch {
		case r == '\uFFFD':
			return false
		case r < 0x80 && (r >= 0x20 || r == '\t' || r == '\n' || r == '\r' || r == 0x1D):
		case vietnameseRunes[unicode.ToLower(r)], strings.ContainsRune(also, r):
		default:
			return false
		}
	}
	return true
}

// sameName compares two names of documents that both know diacritics. Where in
// a syllable the tone is written ("Hòa", "Hoà") makes no difference.
func sameName(a, b string) bool {
	return toneless(a) == toneless(b)
}

// toneless moves the tone of each word behind the word.
func toneless(s string) string {
	words := strings.Fields(strings.ToLower(norm.NFC.String(s)))
	for i, word := range words {
		var letters, tones strings.Builder
		for _, r := range norm.NFD.String(word) {
			switch r {
			case '\u0300', '\u0301', '\u0303', '\u0309', '\u0323':
				tones.WriteRune(r)
			default:
				letters.WriteRune(r)
			}
		}
		words[i] = letters.String() + tones.String()
	}
	return strings.Join(words, " ")
}
