package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"tram/agent/profile"
	"tram/configs"
)

type checkResult struct {
	Problems []configs.Problem `json:"problems"`
}

func newCheckCmd(term terminal) *cobra.Command {
	var profiles bool
	c := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check configuration and profile files",
		Long: `Checks configuration files and profiles and reports every mistake at once, with its line and what to write
instead. Without FILE it checks ` + defaultConfig + `, or the defaults when that is not there.`,
		Args: cobra.ArbitraryArgs,
	}
	asJSON := jsonFlag(c)
	c.Flags().BoolVar(&profiles, "profiles", false, "list the profiles that come with tram")
	c.RunE = func(_ *cobra.Command, files []string) error {
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

// checkFile tells a profile from a configuration by a key that only profiles have.
func checkFile(file string) (configs.Problems, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var top map[string]any
	_ = yaml.Unmarshal(data, &top) // what is wrong with it is reported below
	var problems configs.Problems
	if _, isProfile := top["evidence"]; isProfile {
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
