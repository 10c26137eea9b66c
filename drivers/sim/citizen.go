package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"
)

// maxCitizenFile bounds a citizen's file, in bytes.
const maxCitizenFile = 64 << 10

// Forever is the expiry of a card that has none.
const Forever = "Không thời hạn"

// A Citizen is a person who does not exist, as the Vietnamese ID card shows
// one. The names are those of the fields of the card's data group 13. Dates are
// written dd/mm/yyyy; a birth whose day or month is unknown is mm/yyyy or yyyy.
//
// The fields are plain strings and not private ones because nobody is described
// by them: Validate refuses every number that could belong to a person.
type Citizen struct {
	IDCode                 string `yaml:"idCode"`                 // 12 digits, province code 097 to 099
	OldIDCode              string `yaml:"oldIdCode"`              // 9 digits, or empty
	PersonName             string `yaml:"personName"`             // "Nguyễn Văn Thử"
	DateOfBirth            string `yaml:"dateOfBirth"`            // dd/mm/yyyy, mm/yyyy or yyyy
	Gender                 string `yaml:"gender"`                 // "Nam" or "Nữ"
	Nationality            string `yaml:"nationality"`            // "Việt Nam" when left out
	Race                   string `yaml:"race"`                   // ethnicity: "Kinh"
	Religion               string `yaml:"religion"`               // "Không" for none
	OriginPlace            string `yaml:"originPlace"`            // quê quán
	ResidencePlace         string `yaml:"residencePlace"`         // nơi thường trú
	PersonalIdentification string `yaml:"personalIdentification"` // đặc điểm nhận dạng
	IssueDate              string `yaml:"issueDate"`              // dd/mm/yyyy
	ExpiryDate             string `yaml:"expiryDate"`             // dd/mm/yyyy or "Không thời hạn"
	FatherName             string `yaml:"fatherName"`
	MotherName             string `yaml:"motherName"`
	WifeName               string `yaml:"wifeName"` // wife or husband
	ChipID                 string `yaml:"chipId"`   // 16 hexadecimal characters
}

// DefaultCitizen returns the citizen of the demo.
func DefaultCitizen() Citizen {
	return Citizen{
		IDCode:                 "099099000017",
		OldIDCode:              "000000017",
		PersonName:             "Nguyễn Văn Thử",
		DateOfBirth:            "15/01/1999",
		Gender:                 "Nam",
		Nationality:            "Việt Nam",
		Race:                   "Kinh",
		Religion:               "Không",
		OriginPlace:            "Xã Mẫu, Huyện Mẫu, Tỉnh Mẫu",
		ResidencePlace:         "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu",
		PersonalIdentification: "Không có",
		IssueDate:              "02/03/2022",
		ExpiryDate:             "15/01/2039",
		FatherName:             "Nguyễn Văn Cha",
		MotherName:             "Trần Thị Mẹ",
		ChipID:                 "0123456789ABCDEF",
	}
}

// LoadCitizen reads a citizen from a YAML file. An unknown key, a second
// document and every value that Validate refuses is an error; each problem is
// one line that begins with the file and the line number.
func LoadCitizen(path string) (Citizen, error) {
	f, err := os.Open(path)
	if err != nil {
		return Citizen{}, fmt.Errorf("load citizen: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxCitizenFile+1))
	if err != nil {
		return Citizen{}, fmt.Errorf("load citizen: %w", err)
	}
	c, err := ParseCitizen(filepath.Base(path), raw)
	if err != nil {
		return Citizen{}, fmt.Errorf("load citizen: %w", err)
	}
	return c, nil
}

// ParseCitizen reads a citizen from YAML. The name stands for the file in
// errors.
func ParseCitizen(name string, raw []byte) (Citizen, error) {
	if len(raw) > maxCitizenFile {
		return Citizen{}, fmt.Errorf("%s: larger than %d bytes", name, maxCitizenFile)
	}
	var c Citizen
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return Citizen{}, decodeError(name, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Citizen{}, fmt.Errorf("%s: holds more than one document; keep one citizen in a file", name)
	}
	c = c.normalised()
	problems := c.problems()
	if len(problems) == 0 {
		return c, nil
	}
	lines := keyLines(raw)
	errs := make([]error, 0, len(problems))
	for _, p := range problems {
		line := lines[p.key]
		if line == 0 {
			line = 1 // the key is not in the file
		}
		errs = append(errs, fmt.Errorf("%s:%d: %s: %s", name, line, p.key, p.text))
	}
	return Citizen{}, errors.Join(errs...)
}

// decodeError puts the file before each of the decoder's own messages, which
// name the line.
func decodeError(name string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: holds no citizen", name)
	}
	var many *yaml.TypeError
	if !errors.As(err, &many) {
		return fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	errs := make([]error, 0, len(many.Errors))
	for _, text := range many.Errors {
		text = strings.TrimPrefix(text, "line ")
		// The decoder quotes a value it cannot place; a value may be personal.
		if before, _, ok := strings.Cut(text, "cannot unmarshal"); ok {
			text = before + "must be text in quotes"
		}
		text = strings.Replace(text, "in type sim.Citizen", "is not a field of a citizen", 1)
		text = strings.Replace(text, "not found is", "is", 1)
		errs = append(errs, fmt.Errorf("%s:%s", name, text))
	}
	return errors.Join(errs...)
}

// keyLines returns the line of each key of the top mapping.
func keyLines(raw []byte) map[string]int {
	lines := map[string]int{}
	var doc yaml.Node
	if yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 {
		return lines
	}
	top := doc.Content[0].Content
	for i := 0; i+1 < len(top); i += 2 {
		lines[top[i].Value] = top[i].Line
	}
	return lines
}

// normalised returns c with composed characters, without surrounding blanks and
// with the nationality filled in.
func (c Citizen) normalised() Citizen {
	for _, f := range c.fields() {
		*f.value = norm.NFC.String(strings.TrimSpace(*f.value))
	}
	if c.Nationality == "" {
		c.Nationality = "Việt Nam"
	}
	return c
}

type citizenField struct {
	key   string
	value *string
}

func (c *Citizen) fields() []citizenField {
	return []citizenField{
		{"idCode", &c.IDCode}, {"oldIdCode", &c.OldIDCode}, {"personName", &c.PersonName},
		{"dateOfBirth", &c.DateOfBirth}, {"gender", &c.Gender}, {"nationality", &c.Nationality},
		{"race", &c.Race}, {"religion", &c.Religion}, {"originPlace", &c.OriginPlace},
		{"residencePlace", &c.ResidencePlace}, {"personalIdentification", &c.PersonalIdentification},
		{"issueDate", &c.IssueDate}, {"expiryDate", &c.ExpiryDate}, {"fatherName", &c.FatherName},
		{"motherName", &c.MotherName}, {"wifeName", &c.WifeName}, {"chipId", &c.ChipID},
	}
}
