package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"tram/hub"
)

// maxKeyFile is the largest key file read, in bytes.
const maxKeyFile = 16 << 10

func newDeviceAddCmd(term terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME PUBLIC.jwk",
		Short: "Take records from a device; a running hub knows it at once",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[1])
			if err != nil {
				return fmt.Errorf("read the device's public key: %w", err)
			}
			defer f.Close()
			jwk, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
			if err != nil {
				return fmt.Errorf("read the device's public key: %w", err)
			}
			err = placeFlags(cmd).WithDevices(cmd.Context(), func(d *hub.Devices) error { return d.Add(args[0], jwk) })
			if err != nil {
				return err
			}
			fmt.Fprintf(term.err, "device %s is known\n", args[0])
			return nil
		},
	}
}

func newDeviceRevokeCmd(term terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take nothing more from a device; what it sent stays",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := placeFlags(cmd).WithDevices(cmd.Context(), func(d *hub.Devices) error { return d.Revoke(args[0]) })
			if err != nil {
				return err
			}
			if err := revokeCertificates(cmd, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(term.err, "device %s is revoked; give brokers the new list: tram-hub ca crl\n", args[0])
			return nil
		},
	}
}
