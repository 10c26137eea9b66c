package confine

import (
	"encoding/json"
	"fmt"
)

// DefaultMemory is how many bytes of private memory a worker may hold.
const DefaultMemory = 1 << 30

// Plan is what one process still needs.
type Plan struct {
	User    *User    `json:"user,omitempty"`    // to become; nil stays who it is
	Read    []string `json:"read,omitempty"`    // files and folders
	Write   []string `json:"write,omitempty"`   // files that exist already
	Devices []string `json:"devices,omitempty"` // video devices
	Network bool     `json:"network,omitempty"` // streams
	Files   bool     `json:"files,omitempty"`   // any path: Landlock stays off and files may be written
	Foreign bool     `json:"foreign,omitempty"` // some of Read can be reached by root only
	Memory  uint64   `json:"memory,omitempty"`  // bytes of private memory; 0 is DefaultMemory
	Parent  int      `json:"parent,omitempty"`  // the process whose end ends this one
}

// User is a system user.
type User struct {
	Name   string `json:"name"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Groups []int  `json:"groups,omitempty"`
}

// Limit is the Plan's memory in bytes.
func (p Plan) Limit() uint64 {
	if p.Memory == 0 {
		return DefaultMemory
	}
	return p.Memory
}

// String is the Plan as Parse reads it.
func (p Plan) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		return "{}" // no field of it can fail
	}
	return string(b)
}

// Parse reads what String wrote.
func Parse(text string) (Plan, error) {
	var p Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return Plan{}, fmt.Errorf("read the plan of confinement: %w", err)
	}
	return p, nil
}

// Layer says whether one kind of confinement holds.
type Layer struct {
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Detail string `json:"detail,omitempty"` // what is missing, or how it holds
}

// Missing names the layers that do not hold, with why.
func Missing(layers []Layer) []string {
	var names []string
	for _, l := range layers {
		if !l.On {
			names = append(names, l.Name+" ("+l.Detail+")")
		}
	}
	return names
}
