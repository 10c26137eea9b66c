package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tram/hub"
)

func newKeyCmd(term terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Print the hub's public keys, which devices seal to and check with; make them when there are none",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := hub.LoadKeys(dataFlag(cmd))
			if err != nil {
				return err
			}
			_, err = term.out.Write(keys.Public())
			return err
		},
	}
	cmd.AddCommand(newKeyRotateCmd(term))
	return cmd
}

func newKeyRotateCmd(term terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make new keys and hand them to every device; the old ones stay valid meanwhile",
		Long: `Rotate makes a new key to seal to, and begins to sign with the key that devices were told of last time. A
running hub takes the keys up by itself, and every device is given the new set by a command. What is
sealed to older keys opens for three more rotations: rotate again only when every device has replied
(tram-hub report, "commands"). Hubs on other machines need a copy of the file hub.jwk first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given, err := placeFlags(cmd).RotateKeys(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(term.err, "the keys are rotated; %d devices are told\n", given)
			return nil
		},
	}
}
