package emrtd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
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
const maxProofs = 256 << 10

type savedProofs struct {
	Chip   *savedChip   `json:"chipAuthentication,omitempty"`
	Active *savedActive `json:"activeAuthentication,omitempty"`
}

type savedChip struct {
	Protocol string `json:"protocol,omitempty"`
	Result   Answer `json:"result,omitempty"`
	Why      string `json:"why,omitempty"`
	Security []byte `json:"cardSecurity,omitempty"` // where the key came from that file
	Seal     []byte `json:"seal,omitempty"`         // see sealOf
}

type savedActive struct {
	Challenge []byte `json:"challenge,omitempty"`
	Signature []byte `json:"signature,omitempty"`
	Why       string `json:"why,omitempty"`
}

// SaveDocument is SaveFiles and beside the files what the chip did to prove its
// keys, so that VerifyDocument can judge it again after LoadDocument.
//
// The signature of Active Authentication speaks for itself. Of Chip Authentication
// nothing is left that could convince anyone: whoever can write the folder could have made
// it up. So the device seals the outcome, with a key of its own that is not in the
// folder, over the outcome and every file; nil leaves it unsealed.
func SaveDocument(dir string, doc *Document, key []byte) error {
	if err := SaveFiles(dir, doc.Files); err != nil {
		return err
	}
	var out savedProofs
	if p := doc.Proofs.ChipAuthentication; p.Result != "" || p.Why != "" {
		out.Chip = &savedChip{Protocol: p.Protocol, Result: p.Result, Why: p.Why, Security: p.security}
		if len(key) > 0 {
			out.Chip.Seal = out.Chip.sealOf(doc.Files, key)
		}
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

// sealOf is an HMAC over the outcome and the files that it is about.
func (s savedChip) sealOf(files Files, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	part := func(b []byte) {
		_ = binary.Write(mac, binary.BigEndian, uint32(len(b))) // writing to a hash never fails
		mac.Write(b)
	}
	for _, text := range []string{"tram chip authentication 1", s.Protocol, string(s.Result), s.Why} {
		part([]byte(text))
	}
	part(s.Security)
	for _, id := range files.IDs() {
		part([]byte(id.String()))
		part(files[id])
	}
	return mac.Sum(nil)
}

// LoadDocument reads what SaveDocument wrote, or files alone, as LoadFiles does.
// VerifyDocument then gives the answers of the day of the read: the signature of Active
// Authentication is judged again; the outcome of Chip Authentication counts when key
// is the one that sealed it, over just these files, and is not_done otherwise. That it failed
// counts in any case.
func LoadDocument(dir string, key []byte) (*Document, error) {
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
	if doc.Proofs, err = parseProofs(b, files, key); err != nil {
		return nil, fmt.Errorf("load the chip's proofs from %q: %w", proofsFile, err)
	}
	return doc, nil
}

var errProofs = errors.New("not what a chip did to prove its keys")

func parseProofs(b []byte, files Files, key []byte) (Proofs, error) {
	var in savedProofs
	// What json says of a value it cannot read may hold the value: it stays here.
	if len(b) > maxProofs || json.Unmarshal(b, &in) != nil {
		return Proofs{}, errProofs
	}
	var out Proofs
	if in.Chip != nil {
		out.ChipAuthentication = in.Chip.proof(files, key)
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

func (s savedChip) proof(files Files, key []byte) ChipProof {
	sealed := len(key) > 0 && hmac.Equal(s.Seal, s.sealOf(files, key))
	out := ChipProof{Protocol: s.Protocol, Result: NotDone, Why: s.Why, saved: true}
	switch {
	case s.Result == Failed:
		out.Result = Failed
	case s.Result == OK && sealed:
		out.Result, out.saved, out.key, out.security = OK, false, sha256.Sum256(files[DG14]), s.Security
		out.Why += " (when it was read; this device sealed the outcome)"
	case s.Result == OK:
		out.Why = "the chip proved its key when it was read, which cannot be shown again: this device did not seal the outcome over these files"
	}
	return out
}
