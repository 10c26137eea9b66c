package emrtd

// Answer is the answer to one question about a chip's files.
type Answer string

// Answers. The chain has words of its own.
const (
	OK           Answer = "ok"
	Failed       Answer = "failed"
	NotDone      Answer = "not_done"
	NotSupported Answer = "not_supported" // the chip has nothing to ask

	Trusted   Answer = "trusted"    // chain: up to a certificate of the trust store
	UnknownCA Answer = "unknown_ca" // chain: nobody in the store vouches for the signer
	Expired   Answer = "expired"
	Revoked   Answer = "revoked"
)

// Verification is what Verify found: five answers to five questions. Detail says
// why, by the question's name ("hashes", "sodSignature", "chain",
// "chipAuthentication", "activeAuthentication"), in words that hold nothing of a person.
type Verification struct {
	Hashes               Answer            `json:"hashes"`
	SODSignature         Answer            `json:"sodSignature"`
	Chain                Answer            `json:"chain"`
	ChipAuthentication   Answer            `json:"chipAuthentication"`
	ActiveAuthentication Answer            `json:"activeAuthentication"`
	Detail               map[string]string `json:"detail,omitempty"`
	// Groups says of every data group in the files whether its hash fits: "ok", "failed"
	// or "not_covered", by the group's name.
	Groups map[string]Answer `json:"groups,omitempty"`
	// SignerCountry is the country in the certificate of the SOD's signer, two letters as
	// a rule. A trust store may hold many countries; whose document it is the caller knows.
	SignerCountry string `json:"signerCountry,omitempty"`
}

// Assurance is how sure a device is of a person's data.
type Assurance string

// The levels, from nothing to the most.
const (
	None        Assurance = "none"         // a check failed
	Declared    Assurance = "declared"     // typed by hand
	QR          Assurance = "qr"           // copyable text was parsed
	Chip        Assurance = "chip"         // hashes match the SOD, its signature its signer
	ChipTrusted Assurance = "chip-trusted" // and the signer chains to the trust store
	ChipGenuine Assurance = "chip-genuine" // and the chip proved that it is no copy
)

// Assurance returns what the answers are worth together. A check that failed, or
// a signer that is expired or revoked, makes it None; so does a check of hashes or
// signature that was not done. A signer that nobody in the store knows leaves Chip.
func (v Verification) Assurance() Assurance {
	if v.Hashes != OK || v.SODSignature != OK || v.ChipAuthentication == Failed || v.ActiveAuthentication == Failed {
		return None
	}
	switch v.Chain {
	case Trusted:
	case UnknownCA, NotDone:
		return Chip
	default:
		return None
	}
	if v.ChipAuthentication == OK || v.ActiveAuthentication == OK {
		return ChipGenuine
	}
	return ChipTrusted
}
