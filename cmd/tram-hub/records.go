package main

import (
	"bufio"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"tram/hub/store"
	"tram/sync/wire"
)

func newRecordsCmd(term terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "records [DEVICE]",
		Short: "A line for each stored record: device, sequence, type, id; nothing of a person",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			device := ""
			if len(args) == 1 {
				if err := wire.CheckName(args[0]); err != nil {
					return err
				}
				device = args[0]
			}
			out := bufio.NewWriter(term.out)
			lines := json.NewEncoder(out)
			err := placeFlags(cmd).Records(cmd.Context(), device, func(r store.Record) error {
				if asJSON {
					return lines.Encode(r)
				}
				_, err := fmt.Fprintf(out, "%s\t%d\t%s\t%s\n", r.Device, r.Sequence, r.Type, r.ID)
				return err
			})
			if err != nil {
				return err
			}
			return out.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}
