package face

// Threshold and UnsureFrom cut the scores of the pinned embedding network
// (mobilefacenet-foamliu on faces found by yunet-2022mar) into match, ask the
// clerk, and no match.
//
// On the 1,000 LFW development pairs the best threshold is 0.30 (99.3 % right);
// at 0.30 two in 1,000 strangers pass there, at 0.35 none of 500. LFW is easy: on
// another collection 0.30 let 4.5 % of the strangers pass. So a match needs 0.40,
// where 96.8 % of the LFW pairs of one person still match, and what lies between
// the two is for the clerk to decide.
const (
	Threshold  = 0.40
	UnsureFrom = 0.30
)

// Judge says what a score means.
func Judge(score float64) (match, unsure bool) {
	return score >= Threshold, score >= UnsureFrom && score < Threshold
}
