package cv

import (
	"fmt"

	"tram/vision"
	"tram/vision/people"
)

// maxPlaces bounds the lines and the zones of a question.
const maxPlaces = 64

// scene is what is counted in the picture: lines and zones.
type scene struct {
	lines []lineOf
	zones []zoneOf
}

type lineOf struct {
	name string
	*people.Counter
}

type zoneOf struct {
	name string
	*people.Occupancy
}

// sceneOf checks what a question names.
func sceneOf(q vision.CountQuestion) (*scene, error) {
	var s scene
	if q.Every < 0 || q.Every > vision.MaxEvery {
		return nil, fmt.Errorf("%w: the detector at each %d-th frame, want 1 to %d", vision.ErrQuestion, q.Every, vision.MaxEvery)
	}
	for _, l := range q.AllLines() {
		line := people.Line{X1: l.Line[0], Y1: l.Line[1], X2: l.Line[2], Y2: l.Line[3]}
		if err := line.Check(); err != nil {
			return nil, fmt.Errorf("%w: %w", vision.ErrQuestion, err)
		}
		s.lines = append(s.lines, lineOf{l.Name, people.NewCounter(line)})
	}
	for _, z := range q.Zones {
		var zone people.Zone
		for _, p := range z.Points {
			zone = append(zone, people.Point{X: p[0], Y: p[1]})
		}
		if err := zone.Check(); err != nil {
			return nil, fmt.Errorf("%w: zone %s: %w", vision.ErrQuestion, z.Name, err)
		}
		s.zones = append(s.zones, zoneOf{z.Name, people.NewOccupancy(zone)})
	}
	if len(s.lines) > maxPlaces || len(s.zones) > maxPlaces {
		return nil, fmt.Errorf("%w: %d lines and %d zones, at most %d of each", vision.ErrQuestion, len(s.lines), len(s.zones), maxPlaces)
	}
	return &s, nil
}

func (s *scene) see(tracks []*people.Track) {
	for _, l := range s.lines {
		l.See(tracks)
	}
	for _, z := range s.zones {
		z.See(tracks)
	}
}

// sum is what all lines counted.
func (s *scene) sum() (in, out int) {
	for _, l := range s.lines {
		in, out = in+l.In, out+l.Out
	}
	return in, out
}

func (s *scene) lineCounts() []vision.LineCount {
	counts := make([]vision.LineCount, 0, len(s.lines))
	for _, l := range s.lines {
		counts = append(counts, vision.LineCount{Name: l.name, In: l.In, Out: l.Out})
	}
	return counts
}

func (s *scene) zoneCounts() []vision.ZoneCount {
	counts := make([]vision.ZoneCount, 0, len(s.zones))
	for _, z := range s.zones {
		c := vision.ZoneCount{Name: z.name, Inside: z.Inside, Most: z.Most, Entered: z.Entered, Left: z.Left}
		if z.Left > 0 {
			c.MeanFrames = float64(z.Stayed) / float64(z.Left)
		}
		counts = append(counts, c)
	}
	return counts
}
