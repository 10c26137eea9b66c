package cv

import "math"

// heightModel is how high people are by where their feet are in the picture: a
// running straight line through (feet, height), and how far the heights spread.
type heightModel struct {
	n, sx, sy, sxx, sxy, syy float64
	others                   float64 // lately, heights that do not fit, more than those that do
}

const (
	heightsFade  = 0.998
	heightsKnown = 12
	heightsLost  = 12 // so many that do not fit: the camera was moved
)

func (m *heightModel) learn(feet, height float64) {
	if m.known() {
		if want := m.at(feet); height < 0.65*want || height > 1.5*want {
			if m.others++; m.others > heightsLost {
				*m = heightModel{}
			}
			return
		}
		m.others = math.Max(0, m.others-1)
	}
	const fade = heightsFade
	m.n, m.sx, m.sy = m.n*fade+1, m.sx*fade+feet, m.sy*fade+height
	m.sxx, m.sxy, m.syy = m.sxx*fade+feet*feet, m.sxy*fade+feet*height, m.syy*fade+height*height
}

func (m *heightModel) known() bool { return m.n >= heightsKnown }

// at is how high a person is whose feet are there; only when the model is known.
func (m *heightModel) at(feet float64) float64 {
	mean := m.sy / m.n
	spread := m.sxx - m.sx*m.sx/m.n
	slope := 0.0
	if spread > 50*m.n {
		slope = (m.sxy - m.sx*m.sy/m.n) / spread
	}
	from, to := m.heights()
	return math.Max(from, math.Min(to, mean+slope*(feet-m.sx/m.n)))
}

// heights are between which heights people are in this picture.
func (m *heightModel) heights() (from, to float64) {
	mean := m.sy / m.n
	deviation := math.Sqrt(math.Max(0, m.syy/m.n-mean*mean))
	reach := math.Max(0.15*mean, 2.2*deviation)
	return math.Max(0.4*mean, mean-reach), math.Min(2.5*mean, mean+reach)
}
