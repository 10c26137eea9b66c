package face

// Threshold and UnsureFrom cut the scores of the pinned embedding network
// (mobilefacenet-foamliu on faces found by yunet-2022mar) into match, ask the
// clerk, and no match.
//
// On the 1,000 LFW development pairs the best threshold is 0.296 (99.3 % right).
// Of all 1,197,943 pairs of two persons among those pictures 1 in 1,000 passes
// 0.337, 1 in 10,000 passes 0.404. LFW is easy: on another collection 0.30 let
// 4.5 % of the strangers pass. So a match needs 0.40, and what lies between the
// two is for the clerk to decide.
const (
	Threshold  = 0.40
	UnsureFrom = 0.30
)

// Cut is where the scores of one network are cut.
type Cut struct{ Threshold, UnsureFrom float64 }

// cuts are known for the network that they were measured with, by its SHA-256.
var cuts = map[string]Cut{
	"8cba0c9041fefd5a8bcc74b5756856a4fdc7fd4a4b3b330a1adb436ca39c7c8e": {Threshold, UnsureFrom},
}

// CutOf returns where the scores of a network are cut. A network without a
// measured curve has no cut: whatever its score, a person has to decide.
func CutOf(sha256 string) (Cut, bool) {
	c, ok := cuts[sha256]
	return c, ok
}

// Judge says what a score of that network means.
func (c Cut) Judge(score float64) (match, unsure bool) {
	if c == (Cut{}) {
		return false, true
	}
	return score >= c.Threshold, score >= c.UnsureFrom && score < c.Threshold
}
