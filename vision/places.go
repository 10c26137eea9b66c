package vision

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tram/vision/people"
)

// maxName bounds the name of a line or a zone, in characters.
const maxName = 40

// ParseLines reads lines as a person writes them, each "x1,y1,x2,y2" or
// "NAME=x1,y1,x2,y2" in pixels. One without a name is called by its number, from 1.
func ParseLines(given []string) ([]CountLine, error) {
	var lines []CountLine
	names := map[string]bool{}
	for i, s := range given {
		name, rest, err := placeName(s, i, names)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", s, err)
		}
		l, err := people.ParseLine(rest)
		if err != nil {
			return nil, err
		}
		lines = append(lines, CountLine{Name: name, Line: [4]float64{l.X1, l.Y1, l.X2, l.Y2}})
	}
	return lines, nil
}

// ParseZones reads zones likewise: "x,y,x,y,x,y,…" or "NAME=x,y,x,y,x,y,…", three corners or more.
func ParseZones(given []string) ([]CountZone, error) {
	var zones []CountZone
	names := map[string]bool{}
	for i, s := range given {
		name, rest, err := placeName(s, i, names)
		if err != nil {
			return nil, fmt.Errorf("zone %q: %w", s, err)
		}
		z, err := people.ParseZone(rest)
		if err != nil {
			return nil, err
		}
		zone := CountZone{Name: name}
		for _, p := range z {
			zone.Points = append(zone.Points, [2]float64{p.X, p.Y})
		}
		zones = append(zones, zone)
	}
	return zones, nil
}

// placeName takes the name off a line or a zone; each may be used once.
func placeName(s string, i int, taken map[string]bool) (name, rest string, err error) {
	name, rest, named := strings.Cut(s, "=")
	if !named {
		name, rest = strconv.Itoa(i+1), s
	}
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", "", errors.New("the name before = is empty")
	case !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", "", fmt.Errorf("the name is not 1 to %d printable characters", maxName)
	case taken[name]:
		return "", "", fmt.Errorf("the name %s is there twice", name)
	}
	taken[name] = true
	return name, rest, nil
}
