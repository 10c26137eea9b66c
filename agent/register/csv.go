package register

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	maxCSV      = 8 << 20
	maxLines    = 20_000
	maxCellSize = 256
)

// columns are the headings of a roster's file, in lower case.
var columns = map[string]string{
	"idcode": "idCode", "cccd": "idCode", "số cccd": "idCode", "số định danh": "idCode", "id": "idCode",
	"personname": "personName", "họ và tên": "personName", "họ tên": "personName", "name": "personName",
	"dateofbirth": "dateOfBirth", "ngày sinh": "dateOfBirth", "năm sinh": "dateOfBirth", "birth": "dateOfBirth",
	"number": "number", "số báo danh": "number", "sbd": "number",
	"room": "room", "phòng": "room", "phòng thi": "room", "seat": "seat", "chỗ": "seat", "ghế": "seat", "số ghế": "seat",
}

// ParseRoster reads a CSV file (UTF-8, with commas, semicolons or tabs) whose
// first line names the columns, in Vietnamese or as the fields are called. Its
// errors name lines, never their content; they are ErrBad.
func ParseRoster(data []byte) ([]Candidate, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > maxCSV || !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: a file of UTF-8 text, at most %d bytes", ErrBad, maxCSV)
	}
	head, _, _ := bytes.Cut(data, []byte("\n"))
	c := csv.NewReader(bytes.NewReader(data))
	for _, comma := range []rune{';', '\t'} {
		if bytes.ContainsRune(head, comma) {
			c.Comma = comma
		}
	}
	names, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: line 1 names no columns", ErrBad)
	}
	known := map[string]bool{}
	for i, n := range names {
		names[i] = columns[strings.ToLower(strings.TrimSpace(n))]
		if names[i] != "" && known[names[i]] {
			return nil, fmt.Errorf("%w: column %d is there twice", ErrBad, i+1)
		}
		known[names[i]] = true
	}
	if !known["idCode"] && !known["personName"] {
		return nil, fmt.Errorf("%w: line 1 names neither numbers (CCCD) nor names (họ và tên)", ErrBad)
	}
	var list []Candidate
	for line := 2; ; line++ {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil || len(list) >= maxLines {
			return nil, fmt.Errorf("%w: line %d has other columns than line 1, or a quote is open, or it is above %d lines", ErrBad, line, maxLines)
		}
		one, err := candidate(names, cells)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d", err, line)
		}
		list = append(list, one)
	}
}

func candidate(names, cells []string) (Candidate, error) {
	v := map[string]string{}
	for i, cell := range cells {
		if len(cell) > maxCellSize {
			return Candidate{}, fmt.Errorf("%w: a cell of more than %d bytes", ErrBad, maxCellSize)
		}
		v[names[i]] = strings.TrimSpace(cell)
	}
	one := Candidate{IDCode: v["idCode"], PersonName: v["personName"], DateOfBirth: v["dateOfBirth"], Number: v["number"], Room: v["room"], Seat: v["seat"]}
	if one.IDCode == "" && one.PersonName == "" {
		return one, fmt.Errorf("%w: neither a number nor a name", ErrBad)
	}
	for _, c := range one.IDCode {
		if c < '0' || c > '9' && c < 'A' || c > 'z' {
			return one, fmt.Errorf("%w: a number holds digits and letters", ErrBad)
		}
	}
	return one, nil
}
