package people

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Point is a place in a picture, in pixels.
type Point struct{ X, Y float64 }

// Zone is a part of the picture: a polygon of three corners or more.
type Zone []Point

// maxCorners bounds a zone that comes from outside.
const maxCorners = 64

// ParseZone reads "x,y,x,y,x,y,…", three corners or more.
func ParseZone(s string) (Zone, error) {
	parts := strings.Split(s, ",")
	if len(parts)%2 != 0 || len(parts) < 6 || len(parts) > 2*maxCorners {
		return nil, fmt.Errorf("zone %q: want x,y of 3 to %d corners", s, maxCorners)
	}
	var z Zone
	for i := 0; i < len(parts); i += 2 {
		x, errX := coordinate(parts[i])
		y, errY := coordinate(parts[i+1])
		if errX != nil || errY != nil {
			return nil, fmt.Errorf("zone %q: %q, %q are not coordinates in pixels", s, parts[i], parts[i+1])
		}
		z = append(z, Point{x, y})
	}
	return z, z.Check()
}

// coordinate reads a number of pixels that a picture can have.
func coordinate(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e6 {
		return 0, fmt.Errorf("%q is not a coordinate in pixels", s)
	}
	return f, nil
}

// Check says whether the zone has an inside.
func (z Zone) Check() error {
	if len(z) < 3 || len(z) > maxCorners {
		return fmt.Errorf("a zone of %d corners: want 3 to %d", len(z), maxCorners)
	}
	area := 0.0
	for i, p := range z {
		q := z[(i+1)%len(z)]
		area += p.X*q.Y - q.X*p.Y
	}
	if !(math.Abs(area) >= 2) || math.IsInf(area, 0) { // not a number fails too
		return fmt.Errorf("a zone of %d corners without an inside", len(z))
	}
	return nil
}

// Holds reports whether a place is inside.
func (z Zone) Holds(x, y float64) bool {
	in := false
	for i, p := range z {
		q := z[(i+1)%len(z)]
		if (p.Y > y) != (q.Y > y) && x < p.X+(y-p.Y)/(q.Y-p.Y)*(q.X-p.X) {
			in = !in
		}
	}
	return in
}

// settle is how many frames in a row a person must be seen on the other side of
// a zone's edge to have gone over it.
const settle = 3

// Occupancy counts who is in a zone.
type Occupancy struct {
	Zone    Zone
	Inside  int // now
	Most    int // at once, since Most was last set to Inside
	Entered int
	Left    int // who vanished inside has left, too
	Stayed  int // frames that those who left had been inside, together

	who map[int]stay
}

// stay is one track and the zone.
type stay struct {
	in    bool
	doubt int // frames in a row on the other side
	since int // frames inside
}

// NewOccupancy makes a counter for one zone.
func NewOccupancy(z Zone) *Occupancy { return &Occupancy{Zone: z} }

// See looks at the tracks of a frame.
func (o *Occupancy) See(tracks []*Track) {
	now := make(map[int]stay, len(tracks))
	o.Inside = 0
	for _, k := range tracks {
		if !k.Counts() {
			continue
		}
		s, known := o.who[k.ID]
		at := o.Zone.Holds(k.Box.Feet())
		s.doubt++
		if at == s.in {
			s.doubt = 0
		}
		if s.doubt >= settle || s.doubt > 0 && !known {
			s.in, s.doubt = at, 0
			if at {
				o.Entered++
			} else {
				o.leave(s)
				s.since = 0
			}
		}
		if s.in {
			s.since++
			o.Inside++
		}
		now[k.ID] = s
	}
	for id, s := range o.who {
		if _, alive := now[id]; !alive && s.in {
			o.leave(s)
		}
	}
	o.who = now
	o.Most = max(o.Most, o.Inside)
}

func (o *Occupancy) leave(s stay) {
	o.Left++
	o.Stayed += s.since
}
