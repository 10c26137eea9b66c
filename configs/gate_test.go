package configs

import (
	"strings"
	"testing"
	"time"
)

func TestAGateOfSeveralLinesAndZonesIsRead(t *testing.T) {
	c, err := Load(write(t, `
gate:
  source: /dev/video0
  lines:
    - {name: cửa trước, line: [0, 300, 768, 300]}
    - {name: cửa sau, line: [384, 150, 384, 576]}
  zones:
    - name: sảnh
      points: [[0, 0], [100, 0], [100, 100]]
  detect-every: 3
  reset: "04:30"
`))
	if err != nil {
		t.Fatal(err)
	}
	g := c.Gate
	if len(g.Lines) != 2 || g.Lines[1].Name != "cửa sau" || g.Lines[1].Line != [4]float64{384, 150, 384, 576} || len(g.Zones) != 1 || len(g.Zones[0].Points) != 3 {
		t.Errorf("read %+v", g)
	}
	if g.DetectEvery != 3 || g.ResetTime() != 4*time.Hour+30*time.Minute {
		t.Errorf("each %d-th frame, reset after %v", g.DetectEvery, g.ResetTime())
	}
}

func TestAGateThatCannotWorkSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		`{source: x}`:                     "gate.line: is no line",
		`{source: x, line: [1, 1, 1, 1]}`: "gate.line: is no line",
		`{source: x, line: [1,1,9,9], lines: [{name: a, line: [1,2,3,4]}]}`:            "beside gate.lines",
		`{source: x, lines: [{name: a, line: [1,2,1,2]}]}`:                             "gate.lines[0].line: is no line",
		`{source: x, lines: [{name: "", line: [1,2,3,4]}]}`:                            "gate.lines[0].name",
		`{source: x, lines: [{name: a, line: [1,2,3,4]}, {name: a, line: [1,2,3,5]}]}`: "twice",
		`{source: x, zones: [{name: z, points: [[0,0],[9,9]]}]}`:                       "gate.zones[0].points: is no zone",
		`{source: x, zones: [{name: z, points: [[0,0],[9,9],[18,18]]}]}`:               "gate.zones[0].points: is no zone",
		`{source: x, line: [1,1,9,9], detect-every: 0}`:                                "gate.detect-every",
		`{reset: "25:00"}`: "gate.reset",
		`{source: x, lines: [{nam: a, line: [1,2,3,4]}]}`: "nam",
	} {
		if _, err := Load(write(t, "gate: "+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
	if _, err := Load(write(t, `gate: {source: x, zones: [{name: z, points: [[0,0],[9,0],[9,9]]}]}`)); err != nil {
		t.Errorf("a gate of a zone alone: %v", err)
	}
}
