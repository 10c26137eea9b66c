package profile

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"tram/configs"
	"tram/drivers/emrtd"
)

// Accepts reports whether e is evidence at this counter.
func (p Profile) Accepts(e Evidence) bool { return slices.Contains(p.Evidence, e) }

// ReadsChips reports whether a chip is evidence at this counter.
func (p Profile) ReadsChips() bool { return p.Accepts(EvidenceChip) || p.Accepts(EvidencePassport) }

// Question finds a question by its id.
func (p Profile) Question(id string) (Question, bool) {
	for _, q := range p.Questions {
		if q.ID == id {
			return q, true
		}
	}
	return Question{}, false
}

// levels orders the assurances that a profile may demand.
var levels = []emrtd.Assurance{emrtd.Declared, emrtd.QR, emrtd.Chip, emrtd.ChipTrusted, emrtd.ChipGenuine}

// Enough reports whether a visit of assurance a may make this profile's record.
// A failed check ("none") is never enough.
func (p Profile) Enough(a emrtd.Assurance) bool {
	have := slices.Index(levels, a)
	return have >= 0 && have >= slices.Index(levels, p.Assurance)
}

// Names lists the profiles that come with Tram.
func Names() []string {
	entries, err := fs.ReadDir(configs.Profiles, "profiles")
	if err != nil {
		return nil // embedded: it cannot be missing
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load reads a profile by the name of a shipped one or by the path of a file
// (anything with a slash or ending in .yaml). What is wrong with the file comes
// back as configs.Problems.
func Load(nameOrPath string) (Profile, error) {
	if strings.Contains(nameOrPath, "/") || strings.HasSuffix(nameOrPath, ".yaml") {
		data, err := os.ReadFile(nameOrPath)
		if err != nil {
			return Profile{}, fmt.Errorf("read profile: %w", err)
		}
		return Parse(nameOrPath, data)
	}
	file := path.Join("profiles", nameOrPath+".yaml")
	data, err := fs.ReadFile(configs.Profiles, file)
	if err != nil {
		return Profile{}, fmt.Errorf("there is no profile %q; those that come with Tram are %s", nameOrPath, strings.Join(Names(), ", "))
	}
	return Parse(file, data)
}

// Parse reads a profile and checks it; the error is configs.Problems.
func Parse(file string, data []byte) (Profile, error) {
	p := Profile{
		Face: FaceOff, Liveness: LivenessOff, Assurance: emrtd.Chip, Basis: BasisConsent,
		Languages: []string{"vi", "en"}, Questions: []Question{}, Exports: []Export{}, Model: []int{}, Keeps: []string{},
	}
	lines, problems := configs.Decode(file, data, &p)
	for i := range p.Questions {
		if _, said := lines[fmt.Sprintf("questions[%d].by", i)]; !said {
			p.Questions[i].By = ByPerson
		}
	}
	problems = append(problems, p.check(file, lines)...)
	if len(problems) > 0 {
		return p, problems
	}
	return p, nil
}

// Fits says what a counter's configuration lacks for this profile: a visit that
// waits for a card must have a reader, a gate something to look at.
func (p Profile) Fits(file string, lines configs.Lines, c configs.Config) configs.Problems {
	var problems configs.Problems
	wrong := func(key, text, remedy string) {
		problems = append(problems, configs.Problem{File: file, Line: lines[key], Key: key, Text: text, Remedy: remedy})
	}
	if slices.Index(levels, p.Assurance) >= slices.Index(levels, emrtd.Chip) && !c.Reader.Enabled {
		wrong("reader.enabled", fmt.Sprintf("profile %s asks for a chip, and no reader may be used", p.Name), "set it to true, or choose another profile")
	}
	if p.Face == FaceRequired && c.Camera.Source == "" {
		wrong("camera.source", fmt.Sprintf("profile %s asks for a compared face, and there is no camera", p.Name), "name the camera, or choose another profile")
	}
	if p.Accepts(EvidenceCamera) && c.Gate.Source == "" {
		wrong("gate.source", fmt.Sprintf("profile %s counts people, and there is nothing to count in", p.Name), "name the gate's camera, or choose another profile")
	}
	return problems
}
