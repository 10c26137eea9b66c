package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/agent/visit"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
)

func newCardCmd(term terminal) *cobra.Command {
	return group("card", "Read, verify and simulate chips", newCardReadCmd(term), newCardVerifyCmd(term), newCardSimCmd(term))
}

// cardResult is the JSON of "card read" and "card verify".
type cardResult struct {
	Access            string             `json:"access,omitempty"` // "PACE", "BAC"
	AccessProtocol    string             `json:"accessProtocol,omitempty"`
	AccessPassword    string             `json:"accessPassword,omitempty"`
	IDCode            string             `json:"idCode"`
	PersonName        string             `json:"personName"`
	DocumentNumber    string             `json:"documentNumber"`
	DateOfBirth       string             `json:"dateOfBirth"`
	Person            map[string]string  `json:"person"`
	PortraitFormat    string             `json:"portraitFormat,omitempty"`
	Files             []fileLine         `json:"files"`
	Skipped           []skippedLine      `json:"skipped,omitempty"`
	Verification      visit.Verification `json:"verification"`
	VerificationNotes map[string]string  `json:"verificationNotes,omitempty"`
	CrossChecks       []cccd.Comparison  `json:"crossChecks"`
	Differs           []string           `json:"differs,omitempty"`
	Warnings          []string           `json:"warnings"`
	ExpiryEstimated   string             `json:"expiryEstimated,omitempty"` // by the law's ages, where neither chip nor code says the expiry
	Groups            *groupLines        `json:"groups"`
	Notes             []string           `json:"notes,omitempty"`
	Assurance         string             `json:"assurance"`
	APDUs             int                `json:"apdus,omitempty"`
	BytesUp           int                `json:"bytesUp,omitempty"`
	BytesDown         int                `json:"bytesDown,omitempty"`
	MS                float64            `json:"ms,omitempty"`
	Steps             []stepLine         `json:"steps,omitempty"`
}

type fileLine struct {
	Name  string `json:"name"`
	ID    string `json:"id"`
	Bytes int    `json:"bytes"`
	Hash  string `json:"hash,omitempty"` // "ok", "failed", "not_covered": against the SOD
}

type skippedLine struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type stepLine struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// cardFlags are what "card read" needs to know.
type cardFlags struct {
	reader, can, mrz, qr, trust, save string
	wait, timeout                     time.Duration
}

func newCardReadCmd(term terminal) *cobra.Command {
	var f cardFlags
	c := &cobra.Command{
		Use:   "read",
		Short: "Read and verify the chip on a reader",
		Long: `Reads the chip on a PC/SC reader and verifies it. The chip opens with the access number (--can, on a CCCD the last
six digits of the ID number), the machine-readable lines (--mrz, all of them, line breaks optional) or the text of the
card's QR code (--qr), which gives the access number and, as a second way, the lines with an estimated expiry.
"-" takes the value from standard input, so that it does not stand on the command line. A signer that no certificate in the trust store vouches for is no failure: the chain is then
unknown_ca. Exit code 3 means that a check failed, or that the chip holds nothing to check.`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.StringVar(&f.reader, "reader", "", "PC/SC name of the reader, or its beginning (default the first)")
	flags.StringVar(&f.can, "can", "", "access number, six digits; - for standard input")
	flags.StringVar(&f.mrz, "mrz", "", "machine-readable lines; - for standard input")
	flags.StringVar(&f.qr, "qr", "", "text of the card's QR code; - for standard input")
	flags.StringVar(&f.trust, "trust", "", "folder of CSCA certificates (default \"trust\" in the state folder)")
	flags.StringVar(&f.save, "save", "", "also save the files to this folder")
	flags.DurationVar(&f.wait, "wait", 5*time.Second, "wait so long for a card")
	flags.DurationVar(&f.timeout, "timeout", 90*time.Second, "give up after this time")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		password, qr, err := f.password(term.in)
		if err != nil {
			return err
		}
		trust, err := loadTrust(cmd, f.trust)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
		defer cancel()
		card, err := connectCard(ctx, term, f.reader, f.wait)
		if err != nil {
			return fmt.Errorf("cannot read the card: %w", err)
		}
		began := time.Now()
		doc, err := readCard(ctx, term, card, password)
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return failed(exitFailed, "lay the card again and leave it on the reader, or allow more with --timeout", "the card did not finish in time (%v)", f.timeout)
		}
		if err != nil {
			return fmt.Errorf("cannot read the card: %w", err)
		}
		evidence := visit.Examine(emrtd.VerifyDocument(doc, trust, time.Now()), doc.Files, qr)
		took := time.Since(began)
		if f.save != "" {
			if err := saveDocument(cmd, term, f.save, doc); err != nil {
				return err
			}
		}
		result := describe(doc.Files, evidence, qr)
		result.addLink(doc, took)
		return result.finish(term, *asJSON)
	}
	return c
}

// password turns the one flag that is given into the key to the chip.
func (f cardFlags) password(in io.Reader) (emrtd.Password, *cccd.QR, error) {
	given := slices.DeleteFunc([]*string{&f.can, &f.mrz, &f.qr}, func(s *string) bool { return *s == "" })
	if len(given) > 1 {
		return emrtd.Password{}, nil, usageError(errors.New("give one of --can, --mrz, --qr, not several"))
	}
	if len(given) == 0 {
		return emrtd.Password{}, nil, usageError(errors.New("one of --can, --mrz, --qr is needed to open the chip"))
	}
	if *given[0] == "-" {
		b, err := io.ReadAll(io.LimitReader(in, cccd.MaxQR+1))
		if err != nil {
			return emrtd.Password{}, nil, fmt.Errorf("read standard input: %w", err)
		}
		*given[0] = strings.TrimSpace(string(b))
	}
	switch {
	case f.qr != "":
		qr, err := cccd.ParseQR([]byte(f.qr))
		if err != nil {
			return emrtd.Password{}, nil, usageError(err)
		}
		p, err := qr.Password()
		if err != nil {
			return p, nil, usageError(fmt.Errorf("the code does not open a chip: %w", err))
		}
		return p, &qr, nil
	case f.mrz != "":
		p, err := emrtd.MRZLines(f.mrz)
		if err != nil {
			return p, nil, usageError(err)
		}
		return p, nil, nil
	}
	p, err := emrtd.CAN(f.can)
	if err != nil {
		return p, nil, usageError(err)
	}
	return p, nil, nil
}

func loadTrust(cmd *cobra.Command, dir string) (*emrtd.Trust, error) {
	trust, err := emrtd.LoadTrust(trustStore(cmd, dir))
	if err != nil {
		return nil, fmt.Errorf("read the trust store: %w", err)
	}
	return trust, nil
}

// readCard reads the chip, tells the progress, and gives the card free.
func readCard(ctx context.Context, term terminal, card *pcsc.Card, password emrtd.Password) (*emrtd.Document, error) {
	defer func() { _ = card.Close() }() // the reading is over; there is nothing to do about it
	var last string
	return emrtd.Read(ctx, card, password, emrtd.Options{Progress: func(p emrtd.Progress) {
		if now := strings.TrimSpace(p.Step + " " + p.File); now != last {
			last = now
			fmt.Fprintf(term.err, "%s\n", now)
		}
	}})
}

func newCardVerifyCmd(term terminal) *cobra.Command {
	var trustDir string
	c := &cobra.Command{
		Use:   "verify DIR",
		Short: "Verify the saved files of a chip again",
		Long: `Verifies the files in a folder: those that "card read --save" wrote, or those of another reader, under any of the usual
names (EF_0101, 0101.bin, DG1.bin, Datagroup1.bin, EF_SOD.bin ...), binary, hexadecimal or base64. A read that was saved here
gives the answers of its day again, with today's trust store and revocation lists. Exit codes as of "card read".`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&trustDir, "trust", "", "folder of CSCA certificates (default \"trust\" in the state folder)")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := readsKey(cmd, false)
		if err != nil {
			return err
		}
		doc, err := emrtd.LoadDocument(args[0], key)
		if err != nil {
			return fmt.Errorf("read the saved files: %w", err)
		}
		trust, err := loadTrust(cmd, trustDir)
		if err != nil {
			return err
		}
		return describe(doc.Files, visit.Examine(emrtd.VerifyDocument(doc, trust, time.Now()), doc.Files, nil), nil).finish(term, *asJSON)
	}
	return c
}

// describe puts the evidence of a chip into the command's result.
func describe(files emrtd.Files, ev visit.Evidence, qr *cccd.QR) *cardResult {
	person := ev.Person.Fields()
	groups := groupsOf(files, ev)
	r := &cardResult{
		IDCode: person["idCode"], PersonName: person["personName"], DocumentNumber: person["documentNumber"], DateOfBirth: person["dateOfBirth"],
		Person: person, PortraitFormat: ev.Format, Files: []fileLine{},
		Verification: visit.Answers(ev.Verification), VerificationNotes: ev.Verification.Detail,
		CrossChecks: append([]cccd.Comparison{}, cccd.Compare(qr, ev.MRZ, ev.DG13)...), Differs: visit.MismatchNames(ev.Mismatches),
		Warnings: warningsOf(ev, qr), Groups: groups, Notes: append(ev.Notes, groups.notes...), Assurance: string(ev.Assurance()),
	}
	if qr != nil && person["expiryDate"] == "" {
		if expiry, ok := qr.ExpiryEstimate(); ok {
			r.ExpiryEstimated = expiry.String()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(files)) {
		r.Files = append(r.Files, fileLine{Name: id.String(), ID: fmt.Sprintf("%04X", uint16(id)), Bytes: len(files[id]), Hash: string(ev.Verification.Groups[id.String()])})
	}
	return r
}

func (r *cardResult) addLink(doc *emrtd.Document, took time.Duration) {
	r.Access, r.AccessProtocol, r.AccessPassword = doc.Access.Mechanism, doc.Access.Protocol, doc.Access.Password
	r.APDUs, r.BytesUp, r.BytesDown, r.MS = doc.Link.APDUs, doc.Link.BytesUp, doc.Link.BytesDown, millis(took)
	for _, s := range doc.Skipped {
		r.Skipped = append(r.Skipped, skippedLine{Name: s.File.String(), Reason: s.Reason})
	}
	for _, s := range doc.Steps {
		r.Steps = append(r.Steps, stepLine{Name: s.Name, MS: millis(s.Took)})
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// finish prints the result; a failed check is exit code 3.
func (r *cardResult) finish(term terminal, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(term.out, r)
	} else {
		err = r.print(term)
	}
	if err != nil {
		return err
	}
	if r.Assurance == string(emrtd.None) {
		return r.notVerified()
	}
	return nil
}

// notVerified says why the assurance is none.
func (r *cardResult) notVerified() error {
	v := r.Verification
	for _, answer := range []string{v.Hashes, v.SODSignature, v.Chain, v.ChipAuthentication, v.ActiveAuthentication} {
		switch emrtd.Answer(answer) {
		case emrtd.Failed, emrtd.Expired, emrtd.Revoked:
			return failed(exitNotVerified, "do not accept this card; the answers above name the check", "the chip is not verified: a check failed")
		}
	}
	const hint = "do not rely on these data; read the card again"
	if v.Hashes != string(emrtd.OK) || v.SODSignature != string(emrtd.OK) {
		return failed(exitNotVerified, hint, "the chip is not verified: nothing could be verified")
	}
	if len(r.Differs) > 0 {
		return failed(exitNotVerified, "do not accept this card; what differs is named above", "the chip is not verified: its data and the code are not of the same card")
	}
	return failed(exitNotVerified, hint, "the chip is not verified: its files do not say whose they are")
}

func (r *cardResult) print(term terminal) error {
	rows := [][]string{
		{"number", r.IDCode}, {"name", r.PersonName}, {"born", r.DateOfBirth}, {"document", r.DocumentNumber},
		{"sex", r.Person["gender"]}, {"residence", r.Person["residencePlace"]}, {"issued", r.Person["issueDate"]}, {"expires", r.Person["expiryDate"]},
		{}, {"hashes", r.Verification.Hashes, r.VerificationNotes["hashes"]},
		{"SOD signature", r.Verification.SODSignature, r.VerificationNotes["sodSignature"]},
		{"chain", r.Verification.Chain, r.VerificationNotes["chain"]},
		{"chip authentication", r.Verification.ChipAuthentication, r.VerificationNotes["chipAuthentication"]},
		{"active authentication", r.Verification.ActiveAuthentication, r.VerificationNotes["activeAuthentication"]},
		{"assurance", r.Assurance}, {},
	}
	for _, f := range r.Files {
		rows = append(rows, []string{f.Name, fmt.Sprintf("%d bytes", f.Bytes), f.Hash})
	}
	for _, s := range r.Skipped {
		rows = append(rows, []string{s.Name, "not read", s.Reason})
	}
	for _, d := range r.Differs {
		rows = append(rows, []string{"differs", d})
	}
	for _, w := range r.Warnings {
		rows = append(rows, []string{"warning", w})
	}
	if r.ExpiryEstimated != "" {
		rows = append(rows, []string{"expires", r.ExpiryEstimated, "an estimate by the law's ages, not read from the card"})
	}
	for _, n := range r.Notes {
		rows = append(rows, []string{"note", n})
	}
	if r.APDUs > 0 {
		rows = append(rows, []string{}, []string{"link", fmt.Sprintf("%s, %d commands, %d bytes up, %d bytes down, %.0f ms", r.AccessProtocol, r.APDUs, r.BytesUp, r.BytesDown, r.MS)})
	}
	return table(term.out, rows)
}
