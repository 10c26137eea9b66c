package face

import (
	"math"
	"sort"
)

// Pair is the score of two pictures and whether they show one person.
type Pair struct {
	Score      float64
	Same       bool
	Undetected bool // a picture without a face that could be found: wrong, whichever the truth
	Fold       int  // part of the list that the pair belongs to
}

// Curve is what a set of pairs says about a network.
type Curve struct {
	Pairs       int
	Undetected  int
	Accuracy    float64 // at the threshold that is best for this set
	Threshold   float64 // that one
	Folded      float64 // accuracy by folds: each judged at the threshold that is best for the others
	Deviation   float64 // of Folded between the folds
	TARAtFAR001 float64 // of the same, how many are above the threshold that 0.1 % of the others pass
	FAR001      float64 // that threshold
	Highest     float64 // score of two different persons
	Points      []CurvePoint
}

// CurvePoint is one threshold and what it does: of the pairs of one person the share
// accepted, of two persons the share accepted.
type CurvePoint struct{ Threshold, TAR, FAR float64 }

// Measure computes the error curve of a set of pairs.
func Measure(pairs []Pair) Curve {
	c := Curve{Pairs: len(pairs), Highest: -1}
	sorted := append([]Pair(nil), pairs...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Score > sorted[j].Score })
	same, other := 0, 0
	scored := sorted[:0]
	for _, p := range sorted {
		if p.Same {
			same++
		} else {
			other++
		}
		if p.Undetected {
			c.Undetected++
			continue
		}
		if !p.Same {
			c.Highest = math.Max(c.Highest, p.Score)
		}
		scored = append(scored, p)
	}
	if same == 0 || other == 0 {
		return c
	}
	c.Threshold, c.Accuracy = bestThreshold(scored, len(pairs))
	c.Folded, c.Deviation = folded(pairs)
	allowed := int(0.001 * float64(other)) // others that may pass
	accepted, wrong := 0, 0
	c.FAR001 = 1
	for i, p := range scored {
		if p.Same {
			accepted++
		} else {
			wrong++
		}
		if i+1 < len(scored) && scored[i+1].Score == p.Score {
			continue
		}
		c.Points = append(c.Points, CurvePoint{p.Score, float64(accepted) / float64(same), float64(wrong) / float64(other)})
		if wrong <= allowed {
			c.TARAtFAR001, c.FAR001 = float64(accepted)/float64(same), p.Score
		}
	}
	return c
}

// bestThreshold returns the threshold that judges most of the pairs right, and
// the share of all pairs that it does. scored is sorted, highest first.
func bestThreshold(scored []Pair, all int) (threshold, accuracy float64) {
	others := 0
	for _, p := range scored {
		if !p.Same {
			others++
		}
	}
	best, right := -1, others
	for i, p := range scored {
		if p.Same {
			right++
		} else {
			right--
		}
		if i+1 < len(scored) && scored[i+1].Score == p.Score || right <= best {
			continue
		}
		best, threshold = right, p.Score
		if i+1 < len(scored) {
			threshold = (p.Score + scored[i+1].Score) / 2
		}
	}
	return threshold, float64(max(best, 0)) / float64(max(all, 1))
}

// folded is the mean accuracy of the folds and its deviation; without folds 0.
func folded(pairs []Pair) (mean, deviation float64) {
	folds := map[int]bool{}
	for _, p := range pairs {
		folds[p.Fold] = true
	}
	if len(folds) < 2 {
		return 0, 0
	}
	var results []float64
	for fold := range folds {
		var train []Pair
		right, all := 0, 0
		for _, p := range pairs {
			if p.Fold != fold && !p.Undetected {
				train = append(train, p)
			}
		}
		sort.Slice(train, func(i, j int) bool { return train[i].Score > train[j].Score })
		threshold, _ := bestThreshold(train, len(train))
		for _, p := range pairs {
			if p.Fold != fold {
				continue
			}
			all++
			if !p.Undetected && (p.Score >= threshold) == p.Same {
				right++
			}
		}
		results = append(results, float64(right)/float64(all))
	}
	for _, r := range results {
		mean += r / float64(len(results))
	}
	for _, r := range results {
		deviation += (r - mean) * (r - mean) / float64(len(results))
	}
	return mean, math.Sqrt(deviation)
}
