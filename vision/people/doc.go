// Package people follows people from frame to frame and counts who crosses a
// line. It sees boxes, never pictures: a Detector elsewhere finds the boxes, the
// Tracker here says which of them are the same person, the Counter when a
// person's feet cross the line and in which direction.
//
//	tracker := people.NewTracker(people.TrackerOptions{})
//	counter := people.NewCounter(people.Line{X1: 384, Y1: 150, X2: 384, Y2: 576})
//	for _, boxes := range frames {
//		counter.See(tracker.Next(boxes))
//	}
//	fmt.Println(counter.In, counter.Out)
//
// A person counts as crossing when the feet were clearly on one side and are
// then clearly on the other, and the way between the two meets the line: a box
// that jumps the line between two frames is counted, one that flickers on it is
// not. Identities end with the track; nothing of a person leaves the package.
package people
