package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tram/hub/ca"
)

// newCode is what "tram-hub code new --json" prints.
type newCode struct {
	Device  string    `json:"device"`
	Site    string    `json:"site"`
	Code    string    `json:"code"`
	Valid   string    `json:"valid"`
	Expires time.Time `json:"expires"` // by this machine's clock
	CA      string    `json:"ca"`      // SHA-256 of the hub authority's public key, hexadecimal
}

func newCodeCmd(term terminal) *cobra.Command {
	code := &cobra.Command{Use: "code", Short: "One-time codes that enrol devices", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usage("name one of its commands; see --help") }}
	code.AddCommand(newCodeNewCmd(term))
	return code
}

func newCodeNewCmd(term terminal) *cobra.Command {
	var site string
	var valid time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "new DEVICE",
		Short: "Make a one-time code for one device; a running hub takes it at once",
		Long: `New prints a code for "tram enroll --hub URL CODE". It enrols one device under the name DEVICE, once, within its
time. It also carries the hash of this hub's certificate authority, so that the device knows the right hub. The code
itself is stored nowhere. A new code voids the earlier unused ones of the same device.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			authority, err := ca.Open(ca.Folder(dataFlag(cmd)), ca.Options{})
			if err != nil {
				return err
			}
			if site == "" {
				if site, err = authority.SiteOf(args[0]); err != nil {
					return err
				}
			}
			code, err := authority.NewCode(args[0], site, valid)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(term.out).Encode(newCode{
					Device: args[0], Site: site, Code: code.Text(), Valid: valid.String(),
					Expires: time.Now().Add(valid).UTC().Truncate(time.Second), CA: authority.Fingerprint(),
				})
			}
			fmt.Fprintln(term.out, code.Text())
			fmt.Fprintf(term.err, "for device %s at %s, once, within %v; on the device: tram enroll --hub https://HOST:PORT CODE\n", args[0], site, valid)
			return nil
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "the device's site (default: where it was, else "+ca.DefaultSite+")")
	cmd.Flags().DurationVar(&valid, "valid", ca.DefaultValid, "how long the code is good")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
