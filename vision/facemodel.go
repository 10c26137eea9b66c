package vision

// FaceModel is the network that faces are compared with.
type FaceModel struct {
	Name string   `json:"name,omitempty"` // of the pinned list; empty: the usual one
	Cut  *FaceCut `json:"cut,omitempty"`  // nil: the project's own, if it has measured that network
}

// FaceCut is where an operator cuts the scores of one network, by a curve of
// their own ("tram face bench --curve").
type FaceCut struct {
	SHA256 string  `json:"sha256"` // of the network that the curve was measured with
	Match  float64 `json:"match"`  // from this score on it is the same person
	Unsure float64 `json:"unsure"` // from this score on a clerk decides
}
