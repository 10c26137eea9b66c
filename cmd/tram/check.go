package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"tram/agent/profile"
	"tram/configs"
)

type checkResult struct {
	Problems []configs.Problem `json:"problems"`
	Profiles []explained       `json:"profiles,omitempty"` // with --explain
}

// explained is a profile and what it means.
type explained struct {
	profile.Profile
	Explanation []string `json:"explanation"`
}

func newCheckCmd(term terminal) *cobra.Command {
	var profiles, explain bool
	c := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check configuration and profile files",
		Long: `Checks configuration files and profiles and reports every mistake at once, with its line and what to write
instead. Without FILE it checks ` + defaultConfig + `, or the defaults when that is not there.
With --explain it tells in plain words what a visit is at a kind of counter: of each profile that is named (one that comes
with tram, or a file), or of all that come with tram.`,
		Args: cobra.ArbitraryArgs,
	}
	asJSON := jsonFlag(c)
	c.Flags().BoolVar(&profiles, "profiles", false, "list the profiles that come with tram")
	c.Flags().BoolVar(&explain, "explain", false, "list and explain profiles: those named, or all that come with tram")
	c.RunE = func(_ *cobra.Command, files []string) error {
		if explain {
			return explainProfiles(term, files, *asJSON)
		}
		if profiles {
			for _, name := range profile.Names() {
				fmt.Fprintln(term.out, name)
			}
			return nil
		}
		if len(files) == 0 {
			if _, err := os.Stat(defaultConfig); err == nil {
				files = []string{defaultConfig}
			}
		}
		result := checkResult{Problems: []configs.Problem{}}
		for _, file := range files {
			problems, err := checkFile(file)
			if err != nil {
				return err
			}
			result.Problems = append(result.Problems, problems...)
		}
		if *asJSON {
			if err := printJSON(term.out, result); err != nil {
				return err
			}
		} else {
			for _, p := range result.Problems {
				fmt.Fprintf(term.out, "%s\n    %s\n", p, p.Remedy)
			}
			fmt.Fprintf(term.err, "%d files checked, %d problems\n", len(files), len(result.Problems))
		}
		if len(result.Problems) > 0 {
			return quiet(exitFailed)
		}
		return nil
	}
	return c
}

// explainProfiles tells what the profiles mean; what is wrong with one is told as
// check tells it.
func explainProfiles(term terminal, names []string, asJSON bool) error {
	if len(names) == 0 {
		names = profile.Names()
	}
	result := checkResult{Problems: []configs.Problem{}, Profiles: []explained{}}
	for _, name := range names {
		p, err := profile.Load(name)
		var problems configs.Problems
		switch {
		case errors.As(err, &problems):
			result.Problems = append(result.Problems, problems...)
		case err != nil:
			return err
		default:
			result.Profiles = append(result.Profiles, explained{Profile: p, Explanation: p.Explain()})
		}
	}
	if asJSON {
		if err := printJSON(term.out, result); err != nil {
			return err
		}
	} else {
		for _, p := range result.Profiles {
			fmt.Fprintf(term.out, "%s: %s (%s)\n", p.Name, p.Title["en"], p.Title["vi"])
			for _, line := range p.Explanation {
				fmt.Fprintf(term.out, "    %s\n", line)
			}
		}
		for _, problem := range result.Problems {
			fmt.Fprintf(term.out, "%s\n    %s\n", problem, problem.Remedy)
		}
	}
	if len(result.Problems) > 0 {
		return quiet(exitFailed)
	}
	return nil
}

// profileKeys are those that only profiles have; one is enough, for others may be
// what is missing.
var profileKeys = []string{"evidence", "purpose", "record", "keeps", "questions", "assurance", "title"}

// checkFile checks a profile or a configuration.
func checkFile(file string) (configs.Problems, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var top map[string]any
	_ = yaml.Unmarshal(data, &top) // what is wrong with it is reported below
	var problems configs.Problems
	if slices.ContainsFunc(profileKeys, func(key string) bool { _, has := top[key]; return has }) {
		_, err = profile.Parse(file, data)
		errors.As(err, &problems)
		return problems, nil
	}
	config, err := configs.Load(file)
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	lines, _ := configs.Decode(file, data, new(configs.Config))
	p, perr := profile.Load(config.Profile)
	if perr == nil {
		problems = append(problems, p.Fits(file, lines, config)...)
	} else if config.Profile != "" {
		var inProfile configs.Problems
		if errors.As(perr, &inProfile) {
			problems = append(problems, inProfile...)
		} else {
			problems = append(problems, configs.Problem{File: file, Line: lines["profile"], Key: "profile", Text: perr.Error(), Remedy: "name one of them, or the path of a file"})
		}
	}
	return problems, nil
}
