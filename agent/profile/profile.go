package profile

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"tram/configs"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
)

// Accepts reports whether e is evidence at this counter.
func (p Profile) Accepts(e Evidence) bool { return slices.Contains(p.Evidence, e) }

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
	p := Profile{Face: FaceOff, Assurance: emrtd.Chip, Basis: BasisConsent}
	lines, problems := configs.Decode(file, data, &p)
	problems = append(problems, p.check(file, lines)...)
	if len(problems) > 0 {
		return p, problems
	}
	return p, nil
}

var (
	profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	recordType  = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9]+)+\.v[0-9]+$`)
)

func (p Profile) check(file string, lines configs.Lines) configs.Problems {
	var problems configs.Problems
	wrong := func(key, text, remedy string) {
		problems = append(problems, configs.Problem{File: file, Line: lines[key], Key: key, Text: text, Remedy: remedy})
	}
	if !profileName.MatchString(p.Name) {
		wrong("name", fmt.Sprintf("%q is not a name", p.Name), "use lower-case letters, digits and hyphens")
	}
	for _, language := range []string{"vi", "en"} {
		if p.Title[language] == "" {
			wrong("title", "has no text for "+language, "add "+language+": …")
		}
		if p.Purpose[language] == "" {
			wrong("purpose", "has no text for "+language, "add "+language+": …")
		}
	}
	oneOf(wrong, "basis", p.Basis, BasisConsent, BasisLegalDuty)
	oneOf(wrong, "face", p.Face, FaceOff, FaceIfPossible, FaceRequired)
	oneOf(wrong, "assurance", p.Assurance, levels...)
	if len(p.Evidence) == 0 {
		wrong("evidence", "is empty", "name at least one of qr, vneid, chip, camera")
	}
	for _, e := range p.Evidence {
		oneOf(wrong, "evidence", e, EvidenceQR, EvidenceVNeID, EvidenceChip, EvidenceCamera)
	}
	if p.Face != FaceOff && !p.Accepts(EvidenceChip) {
		wrong("face", "is asked for, but no chip is read", "add chip to evidence: the portrait comes from the chip")
	}
	if slices.Index(levels, p.Assurance) >= slices.Index(levels, emrtd.Chip) && !p.Accepts(EvidenceChip) {
		wrong("assurance", fmt.Sprintf("%q cannot be reached without the chip", p.Assurance), "add chip to evidence, or ask for qr")
	}
	known := cccd.Person{}.Fields()
	for _, field := range p.Keeps {
		if _, ok := known[field]; !ok {
			wrong("keeps", fmt.Sprintf("%q is not a field of a person", field), "use "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	if !recordType.MatchString(p.Record) {
		wrong("record", fmt.Sprintf("%q is not a record type", p.Record), "write it like vn.tram.visit.registered.v1")
	}
	return problems
}

func oneOf[T ~string](wrong func(key, text, remedy string), key string, got T, allowed ...T) {
	if slices.Contains(allowed, got) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	wrong(key, fmt.Sprintf("%q is not known", got), "use "+strings.Join(names, ", "))
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
