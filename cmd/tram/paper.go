package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/kiosk"
)

func newPaperCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "paper FORM", Short: "Make a paper of a day: dd10, na17, qd4750, passengers, or the operator's own columns", Args: cobra.ExactArgs(1),
		Long: `Makes the paper of a day: the register of guests (dd10), the declaration of foreigners (na17), the check-in table (qd4750), all who
boarded (passengers), or what columns.yaml in the state folder lists (columns). A paper is not kept on the device, and the look goes into
the access log.`,
	}
	order := asker(c)
	day := c.Flags().String("day", "", "of another day than today, such as 2026-03-02")
	format, out := paperFlags(c, "csv")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return takePaper(cmd, term, order(agent.RegisterOrder{Do: "paper", Form: kiosk.Form{Name: args[0], Day: *day}}), *format, *out)
	}
	return c
}

func paperFlags(c *cobra.Command, format string) (*string, *string) {
	return c.Flags().String("format", format, "xlsx, csv, html or json"), c.Flags().StringP("out", "o", "", "file to write, for its reader alone (mode 0600); its ending names the format")
}

// takePaper has a paper made and writes it to a file, or to standard output.
func takePaper(cmd *cobra.Command, term terminal, o agent.RegisterOrder, format, out string) error {
	if ending := strings.TrimPrefix(filepath.Ext(out), "."); ending != "" && !cmd.Flags().Changed("format") {
		format = ending
	}
	o.Form.Format = cmp.Or(format, "csv")
	if o.Form.Format == "xlsx" && out == "" {
		return usageError(errors.New("a workbook is no text: name a file with --out"))
	}
	var file kiosk.File
	if err := askRegister(cmd, o, &file); err != nil {
		return err
	}
	if out == "" {
		_, err := term.out.Write(file.Data)
		return err
	}
	return os.WriteFile(out, file.Data, 0o600)
}
