package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tram/hub"
	"tram/hub/store"
	"tram/sync/wire"
)

func newReportCmd(term terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "What arrived from each device, and what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := placeFlags(cmd).Report(cmd.Context())
			if err != nil {
				return err
			}
			if report.Devices == nil {
				report.Devices = []store.Device{}
			}
			if asJSON {
				return json.NewEncoder(term.out).Encode(report)
			}
			return printReport(term, report)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printReport(term terminal, report hub.Report) error {
	if len(report.Devices) == 0 {
		fmt.Fprintln(term.err, "no device has sent anything yet")
		return nil
	}
	w := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tHIGHWATER\tMISSING\tDUPLICATES\tREJECTED\tRECORDS\tLAST SEEN")
	for _, d := range report.Devices {
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%s\n", d.Device, d.Highwater, ranges(d.Missing), d.Duplicates, d.Rejected,
			d.Records, d.LastSeen.Local().Format("2006-01-02 15:04:05"))
	}
	return w.Flush()
}

// ranges writes "3, 7-9", or "-" for none; a long list is cut.
func ranges(list []wire.Range) string {
	if len(list) == 0 {
		return "-"
	}
	var parts []string
	for i, r := range list {
		switch {
		case i == 5:
			return strings.Join(append(parts, fmt.Sprintf("and %d more", len(list)-i)), ", ")
		case r.First == r.Last:
			parts = append(parts, fmt.Sprint(r.First))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", r.First, r.Last))
		}
	}
	return strings.Join(parts, ", ")
}
