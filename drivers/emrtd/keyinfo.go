package emrtd

import "fmt"

// ChipKeys says which keys a chip has to prove that it is no copy, by the group
// that holds them. It holds nothing of a person.
type ChipKeys struct {
	ChipAuthentication   []string // DG14: "id-CA-ECDH-AES-CBC-CMAC-128, brainpoolP256r1"
	ActiveAuthentication string   // DG15: "RSA 2048", "EC P-256"
	ActiveAlgorithm      string   // DG14: by which an elliptic key of DG15 signs
}

// ParseChipKeys reads DG14 and DG15, as far as they are there.
func ParseChipKeys(files Files) ChipKeys {
	var out ChipKeys
	if raw, ok := files[DG14]; ok {
		infos, err := parseSecurityInfos(raw)
		if err == nil {
			for _, o := range infos.offers() {
				out.ChipAuthentication = append(out.ChipAuthentication, o.name+", "+o.key.describe())
			}
			out.ActiveAlgorithm = infos.signature
		}
	}
	if raw, ok := files[DG15]; ok {
		key, err := activeKey(raw)
		out.ActiveAuthentication = (&certificate{key: key, keyErr: err}).keyString()
	}
	return out
}

func (k chipKey) describe() string {
	if k.curve != nil {
		return k.curve.Name
	}
	return fmt.Sprintf("DH %d", k.p.BitLen())
}
