package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"tram/hub"
)

func newKeyCmd(term terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the hub's public key, which devices seal to; make the pair when there is none",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := hub.LoadKey(dataFlag(cmd))
			if err != nil {
				return err
			}
			return json.NewEncoder(term.out).Encode(key.Public())
		},
	}
}
