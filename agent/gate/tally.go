package gate

import (
	"slices"
	"time"

	"tram/drivers/camera/condition"
	"tram/vision"
)

// Count is the data of one count record: a period and what was seen in it. Its
// members are such that the queue can add records up when it is nearly full:
// whole numbers are summed, also inside Lines, Zones and Notes; of "inside" the
// later stays.
type Count struct {
	Profile    string               `json:"profile"`
	From       time.Time            `json:"from"`
	To         time.Time            `json:"to"`
	In         int                  `json:"in"`  // of all lines together
	Out        int                  `json:"out"` // likewise
	Lines      map[string]LineCount `json:"lines,omitempty"`
	Zones      map[string]ZoneCount `json:"zones,omitempty"`
	Frames     int                  `json:"frames"` // pictures looked at in the period
	Gaps       int                  `json:"gaps"`   // times that the camera gave nothing for a second or more
	Detector   string               `json:"detector"`
	Confidence string               `json:"confidence,omitempty"` // the lowest in the period: "good", "fair", "poor"
	// Notes says why it is not good, and what was wrong with the camera's pictures:
	// each with 1, so that a sum says in how many periods.
	Notes map[string]int `json:"notes,omitempty"`
}

// LineCount is what crossed one line.
type LineCount struct {
	In  int `json:"in"`
	Out int `json:"out"`
}

// ZoneCount is what happened in one zone.
type ZoneCount struct {
	Inside  int `json:"inside"` // at the end of the period
	Entered int `json:"entered"`
	Left    int `json:"left"`
}

// tally is what a source was seen to give, or a difference of two such.
type tally struct {
	in, out, frames, gaps int
	lines                 map[string]LineCount
	zones                 map[string]ZoneCount
}

func tallyOf(p vision.CountProgress) tally {
	t := tally{in: p.In, out: p.Out, frames: p.Frames, gaps: p.Gaps, lines: map[string]LineCount{}, zones: map[string]ZoneCount{}}
	for _, l := range p.Lines {
		t.lines[l.Name] = LineCount{In: l.In, Out: l.Out}
	}
	for _, z := range p.Zones {
		t.zones[z.Name] = ZoneCount{Inside: z.Inside, Entered: z.Entered, Left: z.Left}
	}
	return t
}

// less is what came since o; who is inside is who is inside now.
func (t tally) less(o tally) tally {
	d := tally{in: t.in - o.in, out: t.out - o.out, frames: t.frames - o.frames, gaps: t.gaps - o.gaps, lines: map[string]LineCount{}, zones: map[string]ZoneCount{}}
	for _, name := range names(t.lines, o.lines) {
		a, b := t.lines[name], o.lines[name]
		d.lines[name] = LineCount{In: a.In - b.In, Out: a.Out - b.Out}
	}
	for _, name := range names(t.zones, o.zones) {
		a, b := t.zones[name], o.zones[name]
		d.zones[name] = ZoneCount{Inside: a.Inside, Entered: a.Entered - b.Entered, Left: a.Left - b.Left}
	}
	return d
}

func names[V any](a, b map[string]V) []string {
	var all []string
	for _, m := range []map[string]V{a, b} {
		for name := range m {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// belief gathers how far the counts of a period may be believed.
type belief struct {
	confidence string
	notes      map[string]int
}

var doubt = []string{"good", "fair", "poor"} // rising

func (b *belief) see(h vision.CountHealth, camera *condition.Report) {
	if slices.Index(doubt, h.Confidence) > slices.Index(doubt, b.confidence) {
		b.confidence = h.Confidence
	}
	for _, n := range h.Notes {
		b.note(n)
	}
	if camera != nil && camera.Bad() {
		b.note(vision.NoteCamera + "_" + string(camera.Code))
	}
}

// join takes over what was said of counts that are to be recorded together with b's.
func (b *belief) join(o belief) {
	var notes []string
	for n := range o.notes {
		notes = append(notes, n)
	}
	b.see(vision.CountHealth{Confidence: o.confidence, Notes: notes}, nil)
}

func (b *belief) note(n string) {
	if b.notes == nil {
		b.notes = map[string]int{}
	}
	b.notes[n] = 1
}
