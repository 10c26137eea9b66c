package qr

import (
	"sync"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// layout is what every code of one version has in the same places (ISO/IEC 18004 §6.3):
// finder patterns with their separators, timing patterns, alignment patterns.
type layout struct {
	version, size int
	groups        []group
	known         []int8  // size×size: 1 light, -1 dark, 0 not known before reading
	aligns        []point // centres of the alignment patterns, modules
}

// group is a piece of the fixed pattern that is compared under one light.
type group struct {
	cells []cell
	light int // how many of the cells are light
}

// alignCells is the size of an alignment pattern, 5×5; finders are larger, timing pieces smaller.
const alignCells = 25

type cell struct {
	u, v  float64 // centre, modules
	light bool
}

const maxVersion = 40

var layouts [maxVersion + 1]func() *layout

func init() {
	for v := 1; v <= maxVersion; v++ {
		layouts[v] = sync.OnceValue(func() *layout { return newLayout(v) })
	}
}

func newLayout(version int) *layout {
	l := &layout{version: version, size: 17 + 4*version}
	l.known = make([]int8, l.size*l.size)
	n := l.size
	for _, corner := range [3][2]int{{0, 0}, {n - 7, 0}, {0, n - 7}} {
		var g group
		for dy := -1; dy <= 7; dy++ {
			for dx := -1; dx <= 7; dx++ {
				x, y := corner[0]+dx, corner[1]+dy
				if x < 0 || y < 0 || x >= n || y >= n {
					continue
				}
				ring := max(abs(dx-3), abs(dy-3))
				l.set(&g, x, y, ring == 2 || ring == 4)
			}
		}
		l.groups = append(l.groups, g)
	}
	l.timing()
	info, err := decoder.Version_GetVersionForNumber(version)
	if err != nil {
		return l
	}
	centres := info.GetAlignmentPatternCenters()
	for _, cy := range centres {
		for _, cx := range centres {
			if l.known[cy*n+cx] != 0 && (cx < 8 && cy < 8 || cx < 8 && cy > n-9 || cx > n-9 && cy < 8) {
				continue // a finder is there
			}
			var g group
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					l.set(&g, cx+dx, cy+dy, max(abs(dx), abs(dy)) == 1)
				}
			}
			l.groups = append(l.groups, g)
			l.aligns = append(l.aligns, point{float64(cx) + 0.5, float64(cy) + 0.5})
		}
	}
	return l
}

// timing adds the two dotted lines, in pieces of eight modules.
func (l *layout) timing() {
	for axis := range 2 {
		var g group
		for i := 8; i < l.size-8; i++ {
			x, y := i, 6
			if axis == 1 {
				x, y = 6, i
			}
			l.set(&g, x, y, i%2 == 1)
			if len(g.cells) == 8 {
				l.groups = append(l.groups, g)
				g = group{}
			}
		}
		if len(g.cells) > 3 {
			l.groups = append(l.groups, g)
		}
	}
}

func (l *layout) set(g *group, x, y int, light bool) {
	g.cells = append(g.cells, cell{float64(x) + 0.5, float64(y) + 0.5, light})
	l.known[y*l.size+x] = -1
	if light {
		l.known[y*l.size+x] = 1
		g.light++
	}
}

// contrast is how much lighter the group's light modules are than its dark ones under m.
func (g *group) contrast(p *plane, m *homography) float64 { return g.shifted(p, m, point{}) }

// fit is the mean contrast of the layout's groups, each by its size.
//
//go:norace
func (l *layout) fit(p *plane, m *homography) float64 {
	var sum float64
	n := 0
	for i := range l.groups {
		g := &l.groups[i]
		sum += g.contrast(p, m) * float64(len(g.cells))
		n += len(g.cells)
	}
	return sum / float64(n)
}

// finders is the mean contrast of the layout's three finders.
func (l *layout) finders(p *plane, m *homography) float64 {
	return (l.groups[0].contrast(p, m) + l.groups[1].contrast(p, m) + l.groups[2].contrast(p, m)) / 3
}
