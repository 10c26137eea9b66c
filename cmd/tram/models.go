package main

import (
	"context"
	"errors"
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
		modelsCmd(term, "pull [NAME…]", "Download the networks that are missing; the optional ones only by name", cobra.ArbitraryArgs, func(ctx context.Context, dir string, names []string) ([]string, error) {
			return models.Pull(ctx, dir, &http.Client{Timeout: 10 * time.Minute}, names...)
		}),
		importAs(modelsCmd(term, "import DIR", "Take the networks from a folder, for a machine without a network", cobra.ExactArgs(1), func(_ context.Context, dir string, args []string) ([]string, error) {
			return models.Import(args[0], dir)
		}), term),
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
		rows := [][]string{{"STATE", "NAME", "BYTES", "SHA-256", "LICENCE", "FOR", "FROM", ""}}
		for _, m := range list {
			switch m.State {
			case models.Wrong:
				wrong++
			case models.Missing:
				missing++
			}
			rows = append(rows, []string{m.State, m.Name, strconv.FormatInt(m.Size, 10), m.SHA256, m.Licence, m.Does, m.URL, m.Detail})
		}
		var err error
		if *asJSON {
			err = printJSON(term.out, map[string]any{"models": list, "review": models.Review})
		} else {
			err = table(term.out, rows)
			fmt.Fprintf(term.err, "\n%s\n", models.Review)
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

// importAs lets one file be taken by its name on the list: when it is called
// otherwise where it lies, or when the operator has its hash from another source
// and wants it compared as well.
func importAs(c *cobra.Command, term terminal) *cobra.Command {
	c.Use = "import DIR | import --as NAME [--sha256 HEX] FILE"
	as := c.Flags().String("as", "", "the argument is one file: the network of this name")
	sum := c.Flags().String("sha256", "", "the SHA-256 that you were told, compared beside the list's")
	folder := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *as == "" && *sum == "" {
			return folder(cmd, args)
		}
		dir := configs.ModelsDir(stateDir(cmd))
		err := models.ImportFile(args[0], dir, *as, *sum)
		switch {
		case errors.Is(err, models.ErrWrong):
			return failed(exitNotVerified, "bring the file of the list again; a file with another hash is never used", "%v", err)
		case err != nil:
			return err
		}
		fmt.Fprintf(term.err, "%s installed in %s\n", *as, dir)
		return nil
	}
	return c
}
