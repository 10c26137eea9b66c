package face

import "math"

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
