package register

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"

	"tram/drivers/cccd"
)

const (
	maxCSV      = 8 << 20
	maxLines    = 20_000
	maxCellSize = 256
	maxTitles   = 10 // lines above the headings
)

// columns are the headings of a roster's file, in lower case.
var columns = map[string]string{
	"idcode": "idCode", "cccd": "idCode", "số cccd": "idCode", "số định danh": "idCode", "số định danh cá nhân": "idCode", "số căn cước": "idCode", "cccd/hộ chiếu": "idCode", "id": "idCode",
	"personname": "personName", "họ và tên": "personName", "họ tên": "personName", "họ và tên thí sinh": "personName", "họ và tên hành khách": "personName", "name": "personName",
	"dateofbirth": "dateOfBirth", "ngày sinh": "dateOfBirth", "năm sinh": "dateOfBirth", "ngày, tháng, năm sinh": "dateOfBirth", "birth": "dateOfBirth",
	"number": "number", "số báo danh": "number", "sbd": "number",
	"room": "room", "phòng": "room", "phòng thi": "room", "seat": "seat", "chỗ": "seat", "ghế": "seat", "số ghế": "seat", "số chỗ": "seat",
}

var (
	personalID = regexp.MustCompile(`^[0-9A-Z]{5,20}$`) // a citizen's number, or a passport's
	quantity   = regexp.MustCompile(`^[0-9]E[0-9]+$`)
)

// ParseRoster reads a CSV file as spreadsheets save it: UTF-8 or UTF-16, with
// commas, semicolons or tabs. A line near its beginning names the columns, in
// Vietnamese or as the fields are called; empty lines do not count, and a number
// that is there twice counts once. Its errors name lines, never their content; they are ErrBad.
func ParseRoster(data []byte) ([]Candidate, error) {
	if len(data) > maxCSV {
		return nil, fmt.Errorf("%w: a file of more than %d bytes", ErrBad, maxCSV)
	}
	text, err := rosterText(data)
	if err != nil {
		return nil, err
	}
	lines, err := rosterLines(text)
	if err != nil {
		return nil, err
	}
	names, lines, err := headings(lines)
	if err != nil {
		return nil, err
	}
	var list []Candidate
	seen := map[string]int{} // the first line of a person
	for _, l := range lines {
		one, err := candidate(names, l.cells)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d", err, l.number)
		}
		first, twice := seen[one.IDCode]
		switch {
		case one.IDCode == "": // two people may be called the same
		case !twice:
			seen[one.IDCode] = l.number
		case slices.Contains(list, one):
			continue
		default:
			return nil, fmt.Errorf("%w: line %d says of the person of line %d something else", ErrBad, l.number, first)
		}
		list = append(list, one)
	}
	return list, nil
}

// rosterText is the file's text as UTF-8, its letters put together (NFC).
func rosterText(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
		if err != nil {
			return nil, fmt.Errorf("%w: text that is no UTF-16", ErrBad)
		}
		data = wide
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: no UTF-8 text: save the sheet as \"CSV UTF-8\"", ErrBad)
	}
	return norm.NFC.Bytes(data), nil
}

// rosterLine is a line with something on it.
type rosterLine struct {
	number int // in the file
	cells  []string
}

// rosterLines takes the file apart, by the sign that Excel names in "sep=" or that
// is there most.
func rosterLines(text []byte) ([]rosterLine, error) {
	comma, skipped := ',', 0
	if first, rest, _ := bytes.Cut(text, []byte("\n")); len(first) >= 5 && strings.EqualFold(string(first[:4]), "sep=") && strings.ContainsRune(",;\t", rune(first[4])) {
		comma, text, skipped = rune(first[4]), rest, 1
	} else {
		head := text[:min(len(text), 4096)]
		for _, c := range []rune{';', '\t'} {
			if bytes.Count(head, []byte(string(c))) > bytes.Count(head, []byte(string(comma))) {
				comma = c
			}
		}
	}
	c := csv.NewReader(bytes.NewReader(text))
	c.Comma, c.FieldsPerRecord = comma, -1
	var lines []rosterLine
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("%w: line %d has a quote that is open or in the wrong place", ErrBad, wrong.StartLine+skipped)
		}
		if err != nil || len(lines) >= maxLines+maxTitles {
			return nil, fmt.Errorf("%w: more than %d lines", ErrBad, maxLines)
		}
		for i, cell := range cells {
			cells[i] = tidyCell(cell)
		}
		if slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
			at, _ := c.FieldPos(0)
			lines = append(lines, rosterLine{at + skipped, cells})
		}
	}
}

// tidyCell takes off what spreadsheets put around a text so that it stays one.
func tidyCell(cell string) string {
	cell = strings.Join(strings.Fields(cell), " ") // hard spaces, too
	if strings.HasPrefix(cell, `="`) && strings.HasSuffix(cell, `"`) && len(cell) > 2 {
		cell = cell[2 : len(cell)-1]
	}
	return strings.TrimPrefix(cell, "'")
}

// headings finds the line that names the columns, below a sheet's title.
func headings(lines []rosterLine) (names []string, rest []rosterLine, err error) {
	for i, l := range lines[:min(len(lines), maxTitles)] {
		names, known := make([]string, len(l.cells)), map[string]bool{}
		for j, cell := range l.cells {
			names[j] = columns[strings.ToLower(strings.TrimRight(cell, " :.*"))]
			if names[j] != "" && known[names[j]] {
				return nil, nil, fmt.Errorf("%w: line %d names column %d a second time", ErrBad, l.number, j+1)
			}
			known[names[j]] = true
		}
		if known["idCode"] || known["personName"] {
			return names, lines[i+1:], nil
		}
	}
	return nil, nil, fmt.Errorf("%w: no line at the beginning names numbers (CCCD) or names (họ và tên)", ErrBad)
}

func candidate(names, cells []string) (Candidate, error) {
	v := map[string]string{}
	for i, cell := range cells {
		switch {
		case len(cell) > maxCellSize:
			return Candidate{}, fmt.Errorf("%w: a cell of more than %d bytes", ErrBad, maxCellSize)
		case i < len(names):
			v[names[i]] = cell
		case cell != "":
			return Candidate{}, fmt.Errorf("%w: more cells than columns are named", ErrBad)
		}
	}
	one := Candidate{PersonName: v["personName"], Number: v["number"], Room: v["room"], Seat: v["seat"]}
	var err error
	if one.IDCode, err = rosterID(v["idCode"]); err != nil {
		return one, err
	}
	if one.DateOfBirth, err = rosterDate(v["dateOfBirth"]); err != nil {
		return one, err
	}
	if one.IDCode == "" && one.PersonName == "" {
		return one, fmt.Errorf("%w: neither a number nor a name", ErrBad)
	}
	return one, nil
}

// rosterID is a number as it is looked for. A spreadsheet that took it for a
// quantity has dropped the zero in front, which eleven digits give away, or has
// rounded it, after which nobody can tell whose it was.
func rosterID(cell string) (string, error) {
	id := strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(cell))
	if strings.ContainsAny(id, "+,") || quantity.MatchString(id) {
		return "", fmt.Errorf("%w: a number that a spreadsheet rounded: format the column as text", ErrBad)
	}
	if len(id) == 11 && strings.Trim(id, "0123456789") == "" {
		id = "0" + id
	}
	if id != "" && !personalID.MatchString(id) {
		return "", fmt.Errorf("%w: a number of 5 to 20 digits and letters", ErrBad)
	}
	return id, nil
}

// rosterDate is a date as cards write it, or its year.
func rosterDate(cell string) (string, error) {
	if cell == "" {
		return "", nil
	}
	d, err := cccd.ParseDate(strings.TrimSuffix(cell, " 00:00:00"))
	if err != nil || d.Never {
		return "", fmt.Errorf("%w: a date of birth is written 15/08/1999, or as the year", ErrBad)
	}
	return d.String(), nil
}
