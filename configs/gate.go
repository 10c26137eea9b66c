package configs

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Gate counts people over lines and in zones; no source means there is no gate.
type Gate struct {
	Source      string     `yaml:"source"`
	Mode        Mode       `yaml:"mode"`
	Line        [4]float64 `yaml:"line"`  // x1, y1, x2, y2 in pixels; for a gate of one line
	Lines       []GateLine `yaml:"lines"` // for one of several
	Zones       []GateZone `yaml:"zones"`
	Detector    string     `yaml:"detector"`
	DetectEvery int        `yaml:"detect-every"` // frames
	Every       Duration   `yaml:"every"`        // one record for each such period
	Reset       string     `yaml:"reset"`        // "HH:MM", when the day of the count begins
}

// GateLine is one of several lines.
type GateLine struct {
	Name string     `yaml:"name"`
	Line [4]float64 `yaml:"line"`
}

// GateZone is a part of the picture in which people are counted.
type GateZone struct {
	Name   string       `yaml:"name"`
	Points [][2]float64 `yaml:"points"` // three corners or more
}

// Bounds of a gate.
const (
	maxPlaces      = 64 // lines, and zones
	maxCorners     = 64
	maxDetectEvery = 30
	maxPlaceName   = 40 // characters
)

// ResetTime is how long after midnight the day of the count begins.
func (g Gate) ResetTime() time.Duration {
	t, err := time.Parse("15:04", g.Reset)
	if err != nil {
		return 0 // was checked
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

func (c Config) checkGate(k *checker) {
	g := c.Gate
	if _, err := time.Parse("15:04", g.Reset); err != nil {
		k.wrong("gate.reset", fmt.Sprintf("%q is no time of day", g.Reset), "write hours and minutes, such as \"04:00\"")
	}
	if g.DetectEvery < 1 || g.DetectEvery > maxDetectEvery {
		k.wrong("gate.detect-every", fmt.Sprintf("%d is not a number of frames", g.DetectEvery), fmt.Sprintf("use 1 (each frame) to %d", maxDetectEvery))
	}
	if g.Source == "" {
		return
	}
	g.checkPlaces(k)
	if !slices.Contains(detectors, g.Detector) {
		k.wrong("gate.detector", fmt.Sprintf("%q is not known", g.Detector), "use "+strings.Join(detectors, ", "))
	}
	if g.Every.Value() < time.Second {
		k.wrong("gate.every", fmt.Sprintf("%v is too short", g.Every.Value()), "use 1s or more; 1m is usual")
	}
}

func (g Gate) checkPlaces(k *checker) {
	const remedy = "give two different points in pixels: [x1, y1, x2, y2]"
	switch single := g.Line != [4]float64{}; {
	case single && len(g.Lines) > 0:
		k.wrong("gate.line", "is set beside gate.lines", "move it into gate.lines, with a name, or leave gate.lines empty")
	case !isLine(g.Line) && (single || len(g.Lines)+len(g.Zones) == 0):
		k.wrong("gate.line", "is no line", remedy)
	}
	if len(g.Lines) > maxPlaces || len(g.Zones) > maxPlaces {
		k.wrong("gate.lines", fmt.Sprintf("%d lines and %d zones are too many", len(g.Lines), len(g.Zones)), fmt.Sprintf("use at most %d of each", maxPlaces))
	}
	taken := map[string]bool{}
	for i, l := range g.Lines {
		key := fmt.Sprintf("gate.lines[%d]", i)
		checkPlaceName(k, key+".name", l.Name, taken)
		if !isLine(l.Line) {
			k.wrong(key+".line", "is no line", remedy)
		}
	}
	clear(taken)
	for i, z := range g.Zones {
		key := fmt.Sprintf("gate.zones[%d]", i)
		checkPlaceName(k, key+".name", z.Name, taken)
		if !isZone(z.Points) {
			k.wrong(key+".points", "is no zone", fmt.Sprintf("give 3 to %d corners in pixels that enclose something: [[x, y], [x, y], [x, y]]", maxCorners))
		}
	}
}

func checkPlaceName(k *checker, key, name string, taken map[string]bool) {
	odd := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case strings.TrimSpace(name) != name || name == "" || odd || utf8.RuneCountInString(name) > maxPlaceName:
		k.wrong(key, fmt.Sprintf("%q is not a name", name), fmt.Sprintf("use 1 to %d characters, such as door", maxPlaceName))
	case taken[name]:
		k.wrong(key, fmt.Sprintf("%q is there twice", name), "give each its own name")
	}
	taken[name] = true
}

// isLine reports whether two points differ by a pixel; not a number does not.
func isLine(l [4]float64) bool {
	return math.Hypot(l[2]-l[0], l[3]-l[1]) >= 1 && !math.IsInf(math.Hypot(l[0], l[1])+math.Hypot(l[2], l[3]), 0)
}

// isZone reports whether corners enclose a pixel.
func isZone(points [][2]float64) bool {
	if len(points) < 3 || len(points) > maxCorners {
		return false
	}
	area := 0.0
	for i, p := range points {
		q := points[(i+1)%len(points)]
		area += p[0]*q[1] - q[0]*p[1]
	}
	return math.Abs(area) >= 2 && !math.IsInf(area, 0)
}
