package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tram/hub/ca"
)

func newCACmd(term terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "ca", Short: "The hub's certificate authority: what a broker and other hubs need", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usage("name one of its commands; see --help") }}
	cmd.AddCommand(newBrokerCertCmd(term), newHubCertCmd(term), newCRLCmd(term), newFingerprintCmd(term))
	return cmd
}

// openAuthority reads or makes the authority in the data folder.
func openAuthority(cmd *cobra.Command) (*ca.Authority, error) {
	return ca.Open(ca.Folder(dataFlag(cmd)), ca.Options{})
}

func newBrokerCertCmd(term terminal) *cobra.Command {
	var hosts []string
	var out string
	cmd := &cobra.Command{
		Use:   "broker-cert --host NAME --out DIR",
		Short: "Write what a broker needs: its certificate and key, both authorities, the revoked devices",
		Long: `Broker-cert writes broker.crt, broker.key (mode 0600; the broker's user must be able to read it), hub-ca.crt,
device-ca.crt and devices.crl, the names that configs/mosquitto uses. Devices check the host in the broker's URL
against --host, which may be given several times: names and addresses.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(hosts) == 0 || out == "" {
				return usage("broker-cert wants --host NAME and --out DIR")
			}
			authority, err := openAuthority(cmd)
			if err != nil {
				return err
			}
			if err := authority.WriteBroker(out, hosts); err != nil {
				return err
			}
			fmt.Fprintf(term.err, "the broker's files are in %s\n", out)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "a host name or address of the broker; may be repeated")
	cmd.Flags().StringVar(&out, "out", "", "folder to write to")
	return cmd
}

func newHubCertCmd(term terminal) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "hub-cert --out DIR",
		Short: "Write a client certificate for a hub on another machine",
		Long:  "Hub-cert writes hub.crt, hub.key and hub-ca.crt, for \"tram-hub run --mqtt ssl://… --mqtt-tls DIR\" on another machine.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usage("hub-cert wants --out DIR")
			}
			authority, err := openAuthority(cmd)
			if err != nil {
				return err
			}
			if err := authority.WriteHubClient(out); err != nil {
				return err
			}
			fmt.Fprintf(term.err, "the hub's certificate is in %s\n", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write to")
	return cmd
}

func newCRLCmd(term terminal) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "crl --out FILE",
		Short: "Write the list of revoked devices where a broker reads it; then reload the broker",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usage("crl wants --out FILE")
			}
			authority, err := openAuthority(cmd)
			if err != nil {
				return err
			}
			if err := authority.CopyCRL(out); err != nil {
				return err
			}
			fmt.Fprintf(term.err, "the revoked devices are in %s\n", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	return cmd
}

func newFingerprintCmd(term terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "fingerprint",
		Short: "Print the SHA-256 of the hub authority's public key",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			authority, err := openAuthority(cmd)
			if err != nil {
				return err
			}
			fmt.Fprintln(term.out, authority.Fingerprint())
			return nil
		},
	}
}

// revokeCertificates ends a device's certificates, where the hub has issued any.
func revokeCertificates(cmd *cobra.Command, device string) error {
	authority, err := openAuthority(cmd)
	if err != nil {
		return err
	}
	return authority.Revoke(device)
}
