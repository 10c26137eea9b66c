package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"tram/drivers/sim"
	"tram/drivers/sim/picture"
)

// defaultVPCD is where Debian's virtual reader awaits the card of its first slot.
const defaultVPCD = "127.0.0.1:35963"

// simFlags are the flags of "tram card sim".
type simFlags struct {
	citizen, files, can, portrait string
	addr, trustDir                string
	faults                        []string
	speed                         int
}

func newCardSimCmd(term terminal) *cobra.Command {
	var f simFlags
	c := &cobra.Command{
		Use:   "sim",
		Short: "Lay a virtual card on a virtual reader",
		Long: `Personalises a virtual chip card and lays it on a virtual PC/SC reader (pcscd with vpcd) until it is interrupted.

The card is that of an invented citizen; or of the holder in a YAML file (--citizen): a Vietnamese ID card or any document of
ICAO Doc 9303 (TD1, TD2, TD3) with the chip, the signer, the link and the faults that the file names; or one made of raw
files (--files), byte for byte, as another implementation or "tram card read --save" left them.

Its signer is made anew each time; --trust-out writes the certificate that vouches for it, and the CA's revocation list.

Faults and behaviours (--fault, may be repeated):
` + sim.Faults,
		Example: `  tram card sim --citizen passport.yaml --trust-out trust
  tram card sim --fault cloned --fault slow=106000,5ms
  tram card sim --fault pace=id-PACE-ECDH-CAM-AES-CBC-CMAC-256:16 --fault aa=RSA-2048:SHA-256
  tram card sim --files saved --can 000017`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&f.citizen, "citizen", "", "YAML file of the holder (default an invented citizen)")
	c.Flags().StringVar(&f.files, "files", "", "make the card of the raw files in this folder")
	c.Flags().StringVar(&f.can, "can", "", "with --files: the access number; without one the MRZ in DG1 opens the card")
	c.Flags().StringVar(&f.portrait, "portrait", "", "JPEG or JPEG 2000 file for DG2 (default a drawn face)")
	c.Flags().IntVar(&f.speed, "speed", 0, "speed of the link in kbit/s: 106, 212, 424, 848 (default as fast as it goes)")
	c.Flags().StringVar(&f.addr, "vpcd", defaultVPCD, "address of the virtual reader, HOST:PORT or unix:PATH")
	c.Flags().StringVar(&f.trustDir, "trust-out", "", "write the test CSCA certificate and its CRL to this folder")
	c.Flags().StringArrayVar(&f.faults, "fault", nil, "make the card misbehave or behave otherwise; may be repeated")
	c.RunE = func(cmd *cobra.Command, _ []string) error { return layVirtualCard(cmd.Context(), term, f) }
	return c
}

func layVirtualCard(ctx context.Context, term terminal, f simFlags) error {
	card, told, err := f.card()
	if err != nil {
		return err
	}
	fmt.Fprint(term.err, told)
	err = sim.Insert(onConnect(ctx, func() {
		fmt.Fprintf(term.err, "laid on %s; interrupt to take it away\n", f.addr)
	}), f.addr, card)
	if ctx.Err() != nil {
		return nil // taken away, as asked
	}
	if opErr := (*net.OpError)(nil); errors.As(err, &opErr) {
		return failed(exitNotThere, "start pcscd with the virtual reader (vsmartcard-vpcd), or give its address with --vpcd", "no virtual reader at %s", f.addr)
	}
	return err
}

// options reads the faults and the speed.
func (f simFlags) options() ([]sim.Option, error) {
	var out []sim.Option
	for _, text := range f.faults {
		option, err := sim.ParseFault(text)
		if err != nil {
			return nil, usageError(err)
		}
		out = append(out, option)
	}
	if f.speed < 0 || f.speed > 100_000 {
		return nil, usageError(fmt.Errorf("--speed %d is not a speed in kbit/s", f.speed))
	}
	if f.speed > 0 {
		out = append(out, sim.SlowLink(f.speed*1000, 0))
	}
	return out, nil
}

// card makes the card, and what to tell about it: how it is opened.
func (f simFlags) card() (*sim.Card, string, error) {
	options, err := f.options()
	if err != nil {
		return nil, "", err
	}
	if f.files != "" {
		if f.citizen != "" || f.portrait != "" || f.trustDir != "" {
			return nil, "", usageError(errors.New("--files brings its own holder, portrait and signer: leave --citizen, --portrait and --trust-out out"))
		}
		card, err := sim.NewCardFromFiles(f.files, f.can, options...)
		return card, "", err
	}
	if f.can != "" {
		return nil, "", usageError(errors.New("--can goes with --files; a holder's number says its own"))
	}
	holder := sim.DefaultHolder()
	if f.citizen != "" {
		if holder, err = sim.LoadHolder(f.citizen); err != nil {
			return nil, "", err
		}
	}
	pki, err := sim.NewPKIOf(holder.PKISpec())
	if err != nil {
		return nil, "", fmt.Errorf("make the test signer: %w", err)
	}
	if f.trustDir != "" {
		if err := writeTrust(pki, f.trustDir); err != nil {
			return nil, "", err
		}
	}
	portrait, err := f.picture(holder)
	if err != nil {
		return nil, "", err
	}
	card, err := sim.NewHolderCard(holder, pki, portrait, options...)
	if err != nil {
		return nil, "", fmt.Errorf("personalise the card: %w", err)
	}
	if holder.Document == nil {
		return card, fmt.Sprintf("access number %s, code:\n%s\n", holder.CAN(), holder.QR2021()), nil
	}
	told := "MRZ:\n"
	for zone, n := holder.MRZ(), map[int]int{90: 30, 72: 36, 88: 44}[len(holder.MRZ())]; len(zone) >= n && n > 0; zone = zone[n:] {
		told += zone[:n] + "\n"
	}
	if holder.CAN() != "" {
		told = "access number " + holder.CAN() + "\n" + told
	}
	return card, told, nil
}

func (f simFlags) picture(holder sim.Holder) ([]byte, error) {
	path := f.portrait
	if path == "" {
		path = holder.Portrait
	}
	if path == "" {
		return picture.PortraitJPEG(picture.DefaultSeed), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the portrait: %w", err)
	}
	return b, nil
}

// writeTrust writes the CA's certificate and revocation list.
func writeTrust(pki *sim.PKI, dir string) error {
	if err := pki.WriteTrust(dir); err != nil {
		return err
	}
	crl, err := pki.CRL()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "tram-test-csca.crl"), crl, 0o644); err != nil {
		return fmt.Errorf("write the CA's revocation list: %w", err)
	}
	return nil
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
