// Package job is what package machine tells the program that runs in its machine.
package job

// Job is what to do inside.
type Job struct {
	First   []string   `json:"first"` // files of modules, in order, that lead to the outer machine's files
	Load    [][]string `json:"load"`  // modules by name, each with its parameters
	Rules   string     `json:"rules"` // of udev
	Command []string   `json:"command"`
	Env     []string   `json:"env"`
}

// File is where the job lies inside; Output and Status are files of the shared
// folder; Sign is on the console once the guest runs.
const (
	Sign   = "guest: here"
	File   = "/job.json"
	Output = "output"
	Status = "status"
)
