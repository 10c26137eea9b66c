package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tram/configs"
	"tram/vision/models"
)

func newModelsCmd(term terminal) *cobra.Command {
	return group("models", "Bring and check the networks that tram-vision may load",
		modelsCmd(term, "ls", "List the networks and whether they are there", cobra.NoArgs, nil),
		modelsCmd(term, "verify", "Compute every file's SHA-256 and compare it with the list", cobra.NoArgs, nil),
		modelsCmd(term, "pull", "Download the networks that are missing", cobra.NoArgs, func(ctx context.Context, dir string, _ []string) ([]string, error) {
			return models.Pull(ctx, dir, &http.Client{Timeout: 10 * time.Minute})
		}),
		modelsCmd(term, "import DIR", "Take the networks from a folder, for a machine without a network", cobra.ExactArgs(1), func(_ context.Context, dir string, args []string) ([]string, error) {
			return models.Import(args[0], dir)
		}),
	)
}

// modelsCmd is one of the four commands: bring does what it is for, then the list is printed.
func modelsCmd(term terminal, use, short string, args cobra.PositionalArgs, bring func(context.Context, string, []string) ([]string, error)) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: args}
	if c.Name() == "verify" {
		c.Long = short + `.

Exit code 3 means that a file is not the pinned network, 4 that a network is missing.`
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		dir := configs.ModelsDir(stateDir(cmd))
		var brought error
		if bring != nil {
			var names []string
			names, brought = bring(cmd.Context(), dir, args)
			fmt.Fprintf(term.err, "%d networks installed in %s\n", len(names), dir)
		}
		list := models.List(dir)
		if bring != nil || c.Name() == "verify" {
			list = models.Verify(dir)
		}
		wrong, missing := 0, 0
		rows := [][]string{{"STATE", "NAME", "BYTES", "LICENCE", "FOR", ""}}
		for _, m := range list {
			switch m.State {
			case models.Wrong:
				wrong++
			case models.Missing:
				missing++
			}
			rows = append(rows, []string{m.State, m.Name, strconv.FormatInt(m.Size, 10), m.Licence, m.Does, m.Detail})
		}
		var err error
		if *asJSON {
			err = printJSON(term.out, map[string]any{"models": list})
		} else {
			err = table(term.out, rows)
		}
		switch {
		case err != nil:
			return err
		case brought != nil:
			return failed(exitFailed, "bring the files on a disk and run: tram models import DIR", "not every network was installed: %v", brought)
		case wrong > 0 && c.Name() == "verify":
			return failed(exitNotVerified, "remove the file and bring it again", "%d networks are not the pinned ones", wrong)
		case missing > 0 && c.Name() == "verify":
			return failed(exitNotThere, "bring them with: tram models pull, or tram models import DIR", "%d networks are missing in %s", missing, dir)
		}
		return nil
	}
	return c
}
