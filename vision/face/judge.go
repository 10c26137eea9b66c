package face

import (
	"math"
	"sort"
)

// Template is what the embedding network makes of a face, scaled to length 1.
type Template []float32

// NewTemplate scales v to length 1; nil when that cannot be done.
func NewTemplate(v []float32) Template {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil
	}
	k := float32(1 / math.Sqrt(sum))
	t := make(Template, len(v))
	for i, x := range v {
		t[i] = x * k
	}
	return t
}

// Wipe forgets the template.
func (t Template) Wipe() { clear(t) }

// Cosine is how alike two templates are, −1 to 1.
func Cosine(a, b Template) float64 {
	if len(a) != len(b) {
		return -1
	}
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return math.Max(-1, math.Min(1, sum))
}

// Pair is the score of two pictures and whether they show one person.
type Pair struct {
	Score float64
	Same  bool
}

// Curve is what a set of pairs says about a network.
type Curve struct {
	Pairs       int
	Accuracy    float64 // at the threshold that is best for this set
	Threshold   float64 // that one
	TARAtFAR001 float64 // of the same, how many are above the threshold that 0.1 % of the others pass
	FAR001      float64 // that threshold
	Highest     float64 // score of two different persons
}

// Measure computes the error curve of a set of pairs.
func Measure(pairs []Pair) Curve {
	c := Curve{Pairs: len(pairs), Highest: -1}
	sorted := append([]Pair(nil), pairs...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Score > sorted[j].Score })
	var same, other int
	for _, p := range sorted {
		if p.Same {
			same++
			continue
		}
		other++
		c.Highest = math.Max(c.Highest, p.Score)
	}
	if same == 0 || other == 0 {
		return c
	}
	allowed := int(0.001 * float64(other)) // others that may pass
	var accepted, wrong int
	best := -1
	c.FAR001 = 1
	for i, p := range sorted {
		if p.Same {
			accepted++
		} else {
			wrong++
		}
		if i+1 < len(sorted) && sorted[i+1].Score == p.Score {
			continue
		}
		if right := accepted + other - wrong; right > best {
			best = right
			c.Threshold = p.Score
			if i+1 < len(sorted) {
				c.Threshold = (p.Score + sorted[i+1].Score) / 2
			}
		}
		if wrong <= allowed {
			c.TARAtFAR001, c.FAR001 = float64(accepted)/float64(same), p.Score
		}
	}
	c.Accuracy = float64(best) / float64(len(pairs))
	return c
}
