package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Holder is who a virtual card is made for, and what the chip of that card is
// like. Without a Document it is the citizen's Vietnamese ID card; with one it
// is any document of ICAO Doc 9303, and the citizen's own fields must be empty.
// testdata/citizen.yaml and testdata/passport.yaml explain every field.
type Holder struct {
	Citizen  `yaml:",inline"`
	Document *Document `yaml:"document"`
	Groups   Groups    `yaml:"groups"`   // data groups beyond those that the card has anyway
	Chip     Chip      `yaml:"chip"`     // what the chip can; the Vietnamese chip's when left out
	PKI      PKISpec   `yaml:"pki"`      // who signs; see NewPKIOf
	Link     LinkSpec  `yaml:"link"`     // how fast it answers
	Faults   []string  `yaml:"faults"`   // see Faults
	Portrait string    `yaml:"portrait"` // a JPEG or JPEG 2000 file beside the YAML file
}

// Chip says what a chip can. What is left out is as on the Vietnamese chip.
type Chip struct {
	PACE                 []PACESpec      `yaml:"pace"`
	BAC                  *bool           `yaml:"bac"`
	ChipAuthentication   []AgreementSpec `yaml:"chipAuthentication"`
	ActiveAuthentication *KeySpec        `yaml:"activeAuthentication"` // key "none" for none
	MasterFile           bool            `yaml:"masterFile"`
	ShortIdentifiers     *bool           `yaml:"shortIdentifiers"`
	ExtendedLength       *bool           `yaml:"extendedLength"`
	MaxAnswer            int             `yaml:"maxAnswer"`
	GetResponse          int             `yaml:"getResponse"`
}

// PACESpec is one way of PACE; see WithPACE.
type PACESpec struct {
	Protocol  string `yaml:"protocol"`
	Parameter int    `yaml:"parameter"`
}

// AgreementSpec is one key for Chip Authentication; see WithChipAuthentication.
type AgreementSpec struct {
	Protocol  string `yaml:"protocol"`
	Parameter int    `yaml:"parameter"`
	Key       *int   `yaml:"key"`
}

// LinkSpec is the speed of the link and of the chip; see SlowLink.
type LinkSpec struct {
	BitRate    int           `yaml:"bitRate"`    // bit/s, 0 for as fast as it goes
	Processing time.Duration `yaml:"processing"` // per command: 5ms
}

// DefaultHolder returns the citizen of the demo with a Vietnamese chip.
func DefaultHolder() Holder { return Holder{Citizen: DefaultCitizen()} }

func (h Holder) normalised() Holder {
	if h.Document == nil {
		h.Citizen = h.Citizen.normalised()
		return h
	}
	d := h.Document.normalised()
	h.Document = &d
	return h
}

// can is the card access number, mrzInformation what the MRZ's keys come from.
func (h Holder) can() string {
	if h.Document != nil {
		return h.Document.CAN
	}
	return h.Citizen.CAN()
}

// CAN returns the card access number, "" for none.
func (h Holder) CAN() string { return h.can() }

func (h Holder) mrzInformation() string {
	if h.Document != nil {
		return h.Document.mrzInformation()
	}
	return h.Citizen.mrzInformation()
}

// MRZ returns the machine-readable zone without line ends.
func (h Holder) MRZ() string {
	if h.Document != nil {
		return h.Document.MRZ()
	}
	return h.Citizen.MRZ()
}

// PKISpec returns the specification of the PKI, filled in for this holder.
func (h Holder) PKISpec() PKISpec {
	if h.PKI.Country == "" && h.Document != nil {
		h.PKI.Country = alpha2(h.Document.State)
	}
	return h.PKI.withDefaults()
}

// Validate reports everything that is wrong with h.
func (h Holder) Validate() error {
	if h.Document == nil && h.plain() {
		return h.Citizen.Validate()
	}
	var errs []error
	for _, p := range h.problems() {
		if p.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.key, p.err))
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s", p.key, p.text))
	}
	return errors.Join(errs...)
}

// plain: nothing but the citizen is given.
func (h Holder) plain() bool {
	_, err := h.options()
	return err == nil && h.PKI == (PKISpec{}) && h.Groups.empty() && len(h.Faults) == 0
}

func (h Holder) problems() []problem {
	var out []problem
	add := func(key string, err error) {
		if err != nil {
			out = append(out, problem{key: key, text: err.Error()})
		}
	}
	if h.Document == nil {
		out = h.Citizen.problems()
	} else {
		if h.Citizen != (Citizen{}) {
			for _, f := range h.fields() {
				if *f.value != "" {
					out = append(out, problem{key: f.key, text: "belongs to a Vietnamese ID card; leave it out beside document"})
				}
			}
		}
		out = append(out, h.Document.problems()...)
	}
	out = append(out, h.Groups.problems()...)
	for i, p := range h.Chip.PACE {
		_, err := newOffer(p.Protocol, p.Parameter)
		add(fmt.Sprintf("chip.pace[%d]", i), err)
	}
	for i, a := range h.Chip.ChipAuthentication {
		_, err := newAgreement(a.Protocol, a.Parameter, a.number())
		add(fmt.Sprintf("chip.chipAuthentication[%d]", i), err)
	}
	if a := h.Chip.ActiveAuthentication; a != nil && a.Key != "none" {
		add("chip.activeAuthentication", a.check())
	}
	if h.Chip.MaxAnswer < 0 || h.Chip.GetResponse < 0 || h.Link.BitRate < 0 || h.Link.Processing < 0 {
		add("chip", errors.New("a size or time below zero"))
	}
	spec := h.PKISpec()
	add("pki.ca", spec.CA.check())
	add("pki.signer", spec.Signer.check())
	_, err := hashByName(spec.Hashes)
	add("pki.hashes", err)
	for i, text := range h.Faults {
		if _, err := ParseFault(text); err != nil {
			first, _, _ := strings.Cut(err.Error(), "; one of:") // the list is in the command's help
			add(fmt.Sprintf("faults[%d]", i), errors.New(first))
		}
	}
	return out
}

func (a AgreementSpec) number() int {
	if a.Key == nil {
		return -1
	}
	return *a.Key
}

// options returns what the holder's file says of chip, link and faults.
func (h Holder) options() ([]Option, error) {
	var out []Option
	c := h.Chip
	for _, p := range c.PACE {
		out = append(out, WithPACE(p.Protocol, p.Parameter))
	}
	for _, a := range c.ChipAuthentication {
		out = append(out, WithChipAuthentication(a.Protocol, a.Parameter, a.number()))
	}
	for _, x := range []struct {
		given bool
		o     Option
	}{
		{c.PACE != nil && len(c.PACE) == 0, WithoutPACE()},
		{c.ChipAuthentication != nil && len(c.ChipAuthentication) == 0, WithoutChipAuthentication()},
		{c.BAC != nil && !*c.BAC, WithoutBAC()},
		{c.MasterFile, WithMasterFile()},
		{c.ShortIdentifiers != nil && !*c.ShortIdentifiers, WithoutSFI()},
		{c.ExtendedLength != nil && !*c.ExtendedLength, WithoutExtended()},
		{c.MaxAnswer > 0, MaxAnswer(c.MaxAnswer)},
		{c.GetResponse > 0, GetResponse(c.GetResponse)},
		{h.Link.BitRate > 0 || h.Link.Processing > 0, SlowLink(h.Link.BitRate, h.Link.Processing)},
	} {
		if x.given {
			out = append(out, x.o)
		}
	}
	if a := c.ActiveAuthentication; a != nil && a.Key == "none" {
		out = append(out, WithoutActiveAuthentication())
	} else if a != nil {
		out = append(out, WithActiveAuthentication(a.Key, a.Hash))
	}
	for _, text := range h.Faults {
		o, err := ParseFault(text)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// groups returns the data groups of the card by their numbers.
func (h Holder) groups(keys chipKeys, s settings, portrait []byte) (map[int][]byte, error) {
	if portrait == nil {
		var err error
		if portrait, err = greyPortrait(); err != nil {
			return nil, err
		}
	}
	dg2, err := DG2(portrait)
	if err != nil {
		return nil, err
	}
	out := map[int][]byte{2: dg2}
	if h.Document != nil {
		out[1] = h.Document.DG1()
		if h.Document.Fingerprints {
			out[3] = fingerprints()
		}
	} else {
		out[1], out[3], out[13] = h.DG1(), fingerprints(), h.dg13(s.nestedParents)
	}
	if len(s.offers) > 0 || len(keys.agreements) > 0 || keys.active != nil && keys.active.rsa == nil {
		out[14] = keys.dg14(s)
	}
	if keys.active != nil {
		out[15] = keys.dg15()
	}
	for n, content := range h.Groups.files() {
		out[n] = content
	}
	return out, nil
}
