package emrtd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tram/drivers/privacy"
)

// proofsFile holds, beside the files of SaveFiles, what the chip did to prove its keys.
const proofsFile = "proofs.json"

// maxProofs bounds that file.
const maxProofs = 64 << 10

type savedProofs struct {
	Chip   *savedChip   `json:"chipAuthentication,omitempty"`
	Active *savedActive `json:"activeAuthentication,omitempty"`
}

type savedChip struct {
	Protocol string `json:"protocol,omitempty"`
	Result   Answer `json:"result,omitempty"`
	Why      string `json:"why,omitempty"`
}

type savedActive struct {
	Challenge []byte `json:"challenge,omitempty"`
	Signature []byte `json:"signature,omitempty"`
	Why       string `json:"why,omitempty"`
}

// SaveDocument is SaveFiles and beside the files what the chip did to prove its
// keys, so that VerifyDocument can judge it again after LoadDocument.
func SaveDocument(dir string, doc *Document) error {
	if err := SaveFiles(dir, doc.Files); err != nil {
		return err
	}
	var out savedProofs
	if p := doc.Proofs.ChipAuthentication; p.Result != "" || p.Why != "" {
		out.Chip = &savedChip{Protocol: p.Protocol, Result: p.Result, Why: p.Why}
	}
	if p := doc.Proofs.ActiveAuthentication; p.Challenge.IsSet() || p.Why != "" {
		out.Active = &savedActive{Why: p.Why}
		if p.Challenge.IsSet() {
			out.Active.Challenge = p.Challenge.Reveal()
		}
		if p.Signature.IsSet() {
			out.Active.Signature = p.Signature.Reveal()
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("save the chip's proofs: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, proofsFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("save the chip's proofs: %w", err)
	}
	return nil
}

// LoadDocument reads what SaveDocument wrote, or files alone, as LoadFiles does. The
// signature of Active Authentication is judged as on the day of the read. Chip
// Authentication that succeeded is not_done then: only who did it can know, and a note in
// a folder proves nothing. That it failed is kept.
func LoadDocument(dir string) (*Document, error) {
	files, err := LoadFiles(dir)
	if err != nil {
		return nil, err
	}
	doc := &Document{Files: files}
	f, err := os.Open(filepath.Join(dir, proofsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the chip's proofs: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxProofs+1))
	if err != nil {
		return nil, fmt.Errorf("load the chip's proofs: %w", err)
	}
	if doc.Proofs, err = parseProofs(b); err != nil {
		return nil, fmt.Errorf("load the chip's proofs from %q: %w", proofsFile, err)
	}
	return doc, nil
}

var errProofs = errors.New("not what a chip did to prove its keys")

func parseProofs(b []byte) (Proofs, error) {
	var in savedProofs
	// What json says of a value it cannot read may hold the value: it stays here.
	if len(b) > maxProofs || json.Unmarshal(b, &in) != nil {
		return Proofs{}, errProofs
	}
	var out Proofs
	if in.Chip != nil {
		out.ChipAuthentication = ChipProof{Protocol: in.Chip.Protocol, Result: NotDone, Why: in.Chip.Why, saved: true}
		switch in.Chip.Result {
		case Failed:
			out.ChipAuthentication.Result = Failed
		case OK:
			out.ChipAuthentication.Why = "the chip proved its key when it was read, which cannot be shown again"
		}
	}
	if in.Active != nil {
		out.ActiveAuthentication.Why = in.Active.Why
		if len(in.Active.Challenge) > 0 {
			out.ActiveAuthentication.Challenge = privacy.New(in.Active.Challenge)
		}
		if len(in.Active.Signature) > 0 {
			out.ActiveAuthentication.Signature = privacy.New(in.Active.Signature)
		}
	}
	return out, nil
}
