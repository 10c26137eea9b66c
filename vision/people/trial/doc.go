// Package trial judges a count over a sequence whose truth is known, and over
// copies of it that were changed in a known way: mirrored, played backwards,
// smaller, darker, a part of the picture or of the time. What was tuned to one
// sequence shows on its copies.
//
//	variant, err := trial.ParseVariant("mirror+every=2")
//	truth = variant.Truth(truth, width, height)
//	lines := trial.Grid(width, height)
//	score := trial.Judge(detections, truth, lines, people.TrackerOptions{})
//	fmt.Println(trial.Sum(score.Lines).ErrorShare())
package trial
