package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tram/hub/store"
	"tram/sync/wire"
)

// stayCount is one count that a device sent.
type stayCount struct {
	Device   string `json:"device"`
	Sequence uint64 `json:"sequence"`
	wire.StayCount
}

// stayCounts is what "tram-hub counts --json" prints.
type stayCounts struct {
	Counts []stayCount    `json:"counts"`
	Total  wire.StayCount `json:"total"`
}

func newCountsCmd(term terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "counts [DEVICE]",
		Short: "Stays in numbers, as devices counted them day by day, and their sum",
		Long: `Prints how many stays began, by reason, age, nationality and planned length, as each device counted them when its day was
over. Nobody is named. A cell below five is withheld, with others that would give it away; the stays in such cells are told together.
Where fewer than five stays began, they are in a later count of the same device.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			device := ""
			if len(args) == 1 {
				if err := wire.CheckName(args[0]); err != nil {
					return err
				}
				device = args[0]
			}
			all := stayCounts{Counts: []stayCount{}, Total: wire.NewStayCount()}
			err := placeFlags(cmd).Records(cmd.Context(), device, func(r store.Record) error {
				if r.Stays != nil {
					all.Counts = append(all.Counts, stayCount{r.Device, r.Sequence, *r.Stays})
					all.Total.Add(*r.Stays)
				}
				return nil
			})
			if err != nil {
				return err
			}
			all.period()
			if asJSON {
				return json.NewEncoder(term.out).Encode(all)
			}
			return all.print(term)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// period is the whole time of the counts, as the sum's.
func (s *stayCounts) period() {
	for _, c := range s.Counts {
		if s.Total.From.IsZero() || c.From.Before(s.Total.From) {
			s.Total.From = c.From
		}
		if c.To.After(s.Total.To) {
			s.Total.To = c.To
		}
	}
}

func (s *stayCounts) print(term terminal) error {
	if len(s.Counts) == 0 {
		fmt.Fprintln(term.err, "no device has sent a count of stays yet")
		return nil
	}
	w := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tFROM\tTO\tSTAYS\tREASON\tAGE\tNATIONALITY\tNIGHTS")
	for _, c := range s.Counts {
		line(w, c.Device, c.StayCount)
	}
	line(w, "together", s.Total)
	return w.Flush()
}

func line(w io.Writer, name string, c wire.StayCount) {
	stays := fmt.Sprint(c.Stays)
	if c.Stays == 0 {
		stays = "below 5"
	}
	at := func(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
	fmt.Fprintf(w, "%s\t%s\t%s\t%s", name, at(c.From), at(c.To), stays)
	tables := c.Tables()
	for _, table := range []string{"reason", "age", "nationality", "nights"} {
		fmt.Fprintf(w, "\t%s", cells(tables[table], c.Withheld[table]))
	}
	fmt.Fprintln(w)
}

// cells writes "tourism 7, withheld 5", the most first.
func cells(of map[string]int, withheld int) string {
	var parts []string
	for _, name := range slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(of[b]-of[a], cmp.Compare(a, b)) }) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	if withheld > 0 {
		parts = append(parts, fmt.Sprintf("withheld %d", withheld))
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}
