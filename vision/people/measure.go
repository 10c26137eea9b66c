package people

import "sort"

// Measure is how well a tracker follows the identities of a ground truth.
type Measure struct {
	Truth    int // boxes of the truth
	Found    int // of those, with a confirmed track on them
	False    int // confirmed tracks on nobody
	Switches int // times that the track on an identity became another one
}

// Measurer compares the tracks of each frame with the truth of that frame.
type Measurer struct {
	Measure
	on map[int]int // identity → the track that was last on it
}

// See compares one frame: a track is on an identity when they overlap by at
// least 0.4 of their union, the best pairs first, each at most once.
func (m *Measurer) See(truth map[int]Box, tracks []*Track) {
	if m.on == nil {
		m.on = map[int]int{}
	}
	type pair struct {
		id    int
		track *Track
		iou   float64
	}
	var pairs []pair
	live := 0
	for _, k := range tracks {
		if !k.Confirmed || k.Missed > 0 {
			continue
		}
		live++
		for id, b := range truth {
			if iou := b.IoU(k.Box); iou >= 0.4 {
				pairs = append(pairs, pair{id, k, iou})
			}
		}
	}
	sort.Slice(pairs, func(a, b int) bool {
		if pairs[a].iou != pairs[b].iou {
			return pairs[a].iou > pairs[b].iou
		}
		return pairs[a].id < pairs[b].id
	})
	ids, used := map[int]bool{}, map[*Track]bool{}
	for _, p := range pairs {
		if ids[p.id] || used[p.track] {
			continue
		}
		ids[p.id], used[p.track] = true, true
		if was, ok := m.on[p.id]; ok && was != p.track.ID {
			m.Switches++
		}
		m.on[p.id] = p.track.ID
	}
	m.Truth += len(truth)
	m.Found += len(ids)
	m.False += live - len(ids)
}
