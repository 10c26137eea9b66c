package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/configs"
	"tram/drivers/emrtd"
)

func newTrustCmd(term terminal) *cobra.Command {
	return group("trust", "The authorities whose documents are believed", newTrustImportCmd(term), newTrustListCmd(term), newTrustRemoveCmd(term))
}

// trustResult is the JSON of "trust import", "ls" and "rm".
type trustResult struct {
	Store        string                  `json:"store"`
	Certificates []emrtd.CertificateInfo `json:"certificates"` // import: of these files, each once; ls and rm: of the store
	Countries    map[string]int          `json:"countries"`
	CRLs         []emrtd.RevocationInfo  `json:"crls"`
	New          *int                    `json:"new,omitempty"`
	Known        *int                    `json:"known,omitempty"`
	Refused      []trustRefusal          `json:"refused,omitempty"`
	Files        []emrtd.Imported        `json:"files,omitempty"`
	Removed      string                  `json:"removed,omitempty"`
}

type trustRefusal struct {
	File string `json:"file"`
	emrtd.Refusal
}

// maxImport bounds a file to import: the PKD's LDIFs are large.
const maxImport = 256 << 20

func trustFlag(c *cobra.Command) *string {
	return c.Flags().String("trust", "", "folder of the trust store (default \"trust\" in the state folder)")
}

// trustStore returns the folder of the store: the flag's, else the state folder's.
func trustStore(cmd *cobra.Command, dir string) string {
	if dir != "" {
		return dir
	}
	return configs.Config{State: stateDir(cmd)}.TrustDir()
}

func newTrustImportCmd(term terminal) *cobra.Command {
	var accept []string
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Import certificates, CSCA master lists and revocation lists",
		Long: `Imports certificates (DER or PEM, several in one file too), CSCA master lists, revocation lists and LDIF files of the
ICAO PKD into the trust store.

A master list is taken only when its signature fits and its signer leads to an authority: one of the store, one of the
other files, or one of the list itself. The last is told clearly, for then nobody but the list vouches for it: compare
the fingerprint of the authority with one that came another way, or name it with --accept-signer, which refuses all others.
A revocation list is taken only when an authority of the store signed it and none newer is there. A certificate that the
operator gives in a file of its own is trusted for that: compare its fingerprint too.

Exit code 3 means that a file was refused because it does not verify; the others are imported all the same.`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := trustFlag(c)
	c.Flags().StringSliceVar(&accept, "accept-signer", nil, "only master lists of this authority (SHA-256 fingerprint of its certificate)")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		files, err := readTrustFiles(args)
		if err != nil {
			return err
		}
		store := trustStore(cmd, *dir)
		done, err := emrtd.OpenTrustStore(store).Import(files, emrtd.ImportOptions{Signers: accept, Now: time.Now()})
		if err != nil {
			return err
		}
		r := imported(store, done)
		if *asJSON {
			err = printJSON(term.out, r)
		} else {
			err = printImport(term, r)
		}
		if err != nil {
			return err
		}
		warnSelfContained(term.err, done)
		return refusedFiles(done)
	}
	return c
}

func readTrustFiles(paths []string) ([]emrtd.TrustFile, error) {
	var files []emrtd.TrustFile
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		b, err := io.ReadAll(io.LimitReader(f, maxImport+1))
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		if len(b) > maxImport {
			return nil, failed(exitFailed, "split it, or give the master list instead", "import %s: larger than %d MiB", path, maxImport>>20)
		}
		files = append(files, emrtd.TrustFile{Name: path, Content: b})
	}
	return files, nil
}

// imported sums up what became of the files.
func imported(store string, done []emrtd.Imported) *trustResult {
	r := &trustResult{Store: store, Certificates: []emrtd.CertificateInfo{}, CRLs: []emrtd.RevocationInfo{}, Files: done, New: new(int), Known: new(int)}
	seen := map[string]bool{}
	for _, f := range done {
		*r.New += f.New
		*r.Known += f.Known
		r.CRLs = append(r.CRLs, f.Revocations...)
		for _, c := range f.Found {
			if !seen[c.ID] {
				seen[c.ID] = true
				r.Certificates = append(r.Certificates, c)
			}
		}
		for _, no := range f.Refused {
			r.Refused = append(r.Refused, trustRefusal{filepath.Base(f.File), no})
		}
	}
	r.Countries = emrtd.Countries(r.Certificates)
	return r
}

func printImport(term terminal, r *trustResult) error {
	rows := [][]string{}
	for _, f := range r.Files {
		row := []string{filepath.Base(f.File), f.Kind, fmt.Sprintf("%d certificates of %d countries", f.Certificates, len(f.Countries)), fmt.Sprintf("%d new", f.New), fmt.Sprintf("%d known", f.Known), fmt.Sprintf("%d refused", len(f.Refused))}
		if f.Err != nil {
			row = []string{filepath.Base(f.File), "refused", f.Err.Error()}
		}
		rows = append(rows, row)
		for _, l := range f.Lists {
			rows = append(rows, []string{"", "signed by", l.Certificate.Subject}, []string{"", "authority", l.Authority.Subject}, []string{"", "vouched for by", l.VouchedBy})
		}
		for why, n := range f.Skipped {
			rows = append(rows, []string{"", "passed over", fmt.Sprintf("%d %s", n, why)})
		}
	}
	rows = append(append(rows, []string{}), countryRows(r.Countries)...)
	for _, l := range r.CRLs {
		rows = append(rows, []string{"revocation list", l.Issuer, fmt.Sprintf("%d revoked", l.Revoked), l.ThisUpdate.Format(time.DateOnly)})
	}
	for _, no := range r.Refused {
		rows = append(rows, []string{"refused", no.File, no.Item, no.Reason})
	}
	rows = append(rows, []string{"together", fmt.Sprintf("%d certificates of %d countries, %d new", len(r.Certificates), len(r.Countries), *r.New)})
	return table(term.out, rows)
}

// countryRows writes the counts by country, several to a line.
func countryRows(counts map[string]int) [][]string {
	const perRow = 8
	var rows [][]string
	for group := range slices.Chunk(slices.Sorted(maps.Keys(counts)), perRow) {
		var row []string
		for _, country := range group {
			row = append(row, fmt.Sprintf("%s %d", country, counts[country]))
		}
		rows = append(rows, row)
	}
	return rows
}

func warnSelfContained(w io.Writer, done []emrtd.Imported) {
	for _, f := range done {
		for _, l := range f.Lists {
			if l.VouchedBy == emrtd.VouchedByList {
				fmt.Fprintf(w, "note: nobody but %s itself vouches for its signer's authority (%s)\n      compare its SHA-256 with one that came another way: %s\n",
					filepath.Base(f.File), l.Authority.Subject, l.Authority.Fingerprint)
			}
			if l.Expired {
				fmt.Fprintf(w, "note: the signer of %s has expired since it signed; look for a newer list\n", filepath.Base(f.File))
			}
		}
	}
}

// refusedFiles makes the exit code: a file that does not verify is 3, one that is
// none of the kinds 1.
func refusedFiles(done []emrtd.Imported) error {
	var names []string
	code := exitDone
	for _, f := range done {
		if f.Err == nil {
			continue
		}
		names = append(names, filepath.Base(f.File))
		if errors.Is(f.Err, emrtd.ErrNotTrustFile) && code == exitDone {
			code = exitFailed
		} else if !errors.Is(f.Err, emrtd.ErrNotTrustFile) {
			code = exitNotVerified
		}
	}
	if code == exitDone {
		return nil
	}
	return failed(code, "the reasons are above; nothing of a refused file was imported", "refused: %s", strings.Join(names, ", "))
}

func newTrustListCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "ls", Short: "List the trust store", Args: cobra.NoArgs}
	dir := trustFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		store := trustStore(cmd, *dir)
		r, err := listed(store)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, r)
		}
		rows := [][]string{{"ID", "COUNTRY", "KIND", "SUBJECT", "UNTIL", "KEY"}}
		for _, c := range r.Certificates {
			rows = append(rows, []string{c.ID[:12], c.Country, c.Kind, c.Subject, c.NotAfter.Format(time.DateOnly), c.Key})
		}
		for _, l := range r.CRLs {
			rows = append(rows, []string{l.ID[:12], l.Country, "crl", l.Issuer, l.ThisUpdate.Format(time.DateOnly), fmt.Sprintf("%d revoked", l.Revoked)})
		}
		return table(term.out, rows)
	}
	return c
}

func listed(store string) (*trustResult, error) {
	certs, lists, err := emrtd.OpenTrustStore(store).List()
	if err != nil {
		return nil, err
	}
	return &trustResult{Store: store, Certificates: certs, Countries: emrtd.Countries(certs), CRLs: lists}, nil
}

func newTrustRemoveCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "rm ID",
		Short: "Remove a certificate or revocation list",
		Long:  `Removes the certificate or revocation list whose id begins so; four characters at least, and only one may begin so.`,
		Args:  cobra.ExactArgs(1),
	}
	dir := trustFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		store := trustStore(cmd, *dir)
		id, err := emrtd.OpenTrustStore(store).Remove(args[0])
		if errors.Is(err, emrtd.ErrNotInStore) || errors.Is(err, emrtd.ErrAmbiguous) {
			return failed(exitFailed, "\"tram trust ls\" lists the ids", "%v", err)
		}
		if err != nil {
			return err
		}
		if !*asJSON {
			_, err = fmt.Fprintf(term.out, "removed %s\n", id)
			return err
		}
		r, err := listed(store)
		if err != nil {
			return err
		}
		r.Removed = id
		return printJSON(term.out, r)
	}
	return c
}
