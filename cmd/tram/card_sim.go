package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync"

	"github.com/spf13/cobra"

	"tram/drivers/sim"
	"tram/drivers/sim/picture"
)

// defaultVPCD is where Debian's virtual reader awaits the card of its first slot.
const defaultVPCD = "127.0.0.1:35963"

func newCardSimCmd(term terminal) *cobra.Command {
	var (
		file, addr, trustDir string
		faultTexts           []string
	)
	c := &cobra.Command{
		Use:   "sim",
		Short: "Lay a virtual CCCD on a virtual reader",
		Long: `Personalises a virtual CCCD for an invented citizen and lays it on a virtual PC/SC reader (pcscd with vpcd) until it is
interrupted. Its signer is made anew each time; --trust-out writes the certificate that vouches for it.

Faults:
` + sim.Faults,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&file, "citizen", "", "YAML file of the citizen (default an invented one)")
	c.Flags().StringVar(&addr, "vpcd", defaultVPCD, "address of the virtual reader, HOST:PORT or unix:PATH")
	c.Flags().StringVar(&trustDir, "trust-out", "", "write the test CSCA certificate to this folder")
	c.Flags().StringArrayVar(&faultTexts, "fault", nil, "make the card misbehave; may be repeated")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		citizen := sim.DefaultCitizen()
		if file != "" {
			var err error
			if citizen, err = sim.LoadCitizen(file); err != nil {
				return err
			}
		}
		var options []sim.Option
		for _, text := range faultTexts {
			option, err := sim.ParseFault(text)
			if err != nil {
				return usageError(err)
			}
			options = append(options, option)
		}
		pki, err := sim.NewPKI()
		if err != nil {
			return fmt.Errorf("make the test signer: %w", err)
		}
		if trustDir != "" {
			if err := pki.WriteTrust(trustDir); err != nil {
				return fmt.Errorf("write the test CSCA: %w", err)
			}
		}
		portrait := picture.PortraitJPEG(picture.DefaultSeed)
		card, err := sim.NewCard(citizen, pki, portrait, options...)
		if err != nil {
			return fmt.Errorf("personalise the card: %w", err)
		}
		fmt.Fprintf(term.err, "access number %s, code:\n%s\n", citizen.CAN(), citizen.QR2021())
		err = sim.Insert(onConnect(cmd.Context(), func() {
			fmt.Fprintf(term.err, "laid on %s; interrupt to take it away\n", addr)
		}), addr, card)
		if cmd.Context().Err() != nil {
			return nil // taken away, as asked
		}
		if opErr := (*net.OpError)(nil); errors.As(err, &opErr) {
			return failed(exitNotThere, "start pcscd with the virtual reader (vsmartcard-vpcd), or give its address with --vpcd", "no virtual reader at %s", addr)
		}
		return err
	}
	return c
}

// onConnect calls done once, when the first connection that is made with the
// context stands.
func onConnect(ctx context.Context, done func()) context.Context {
	var once sync.Once
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectDone: func(_, _ string, err error) {
		if err == nil {
			once.Do(done)
		}
	}})
}
