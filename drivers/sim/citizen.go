package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// LoadCitizen reads a citizen from a YAML file that holds nothing else: see
// LoadHolder.
func LoadCitizen(path string) (Citizen, error) {
	h, err := LoadHolder(path)
	return h.Citizen, err
}

// LoadHolder reads a holder from a YAML file. An unknown key, a second document
// and every value that Validate refuses is an error; each problem is one line
// that begins with the file and the line number. The path of a portrait is taken
// from the file's folder.
func LoadHolder(path string) (Holder, error) {
	f, err := os.Open(path)
	if err != nil {
		return Holder{}, fmt.Errorf("load citizen: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxCitizenFile+1))
	if err != nil {
		return Holder{}, fmt.Errorf("load citizen: %w", err)
	}
	h, err := ParseHolder(filepath.Base(path), raw)
	if err != nil {
		return Holder{}, fmt.Errorf("load citizen: %w", err)
	}
	if h.Portrait != "" && !filepath.IsAbs(h.Portrait) {
		h.Portrait = filepath.Join(filepath.Dir(path), h.Portrait)
	}
	return h, nil
}

// ParseCitizen reads a citizen from YAML; see ParseHolder.
func ParseCitizen(name string, raw []byte) (Citizen, error) {
	h, err := ParseHolder(name, raw)
	return h.Citizen, err
}

// ParseHolder reads a holder from YAML. The name stands for the file in errors.
func ParseHolder(name string, raw []byte) (Holder, error) {
	if len(raw) > maxCitizenFile {
		return Holder{}, fmt.Errorf("%s: larger than %d bytes", name, maxCitizenFile)
	}
	var h Holder
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&h); err != nil {
		return Holder{}, decodeError(name, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Holder{}, fmt.Errorf("%s: holds more than one document; keep one citizen in a file", name)
	}
	h = h.normalised()
	problems := h.problems()
	if len(problems) == 0 {
		return h, nil
	}
	lines := keyLines(raw)
	errs := make([]error, 0, len(problems))
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("%s:%d: %s: %s", name, lines.of(p.key), p.key, p.text))
	}
	return Holder{}, errors.Join(errs...)
}

// inType is how the decoder ends the message about an unknown key.
var inType = regexp.MustCompile(`in type [a-zA-Z.]+`)

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
			text = before + "not a value of that kind; text with digits goes in quotes"
		}
		text = inType.ReplaceAllString(text, "is not a field here")
		text = strings.Replace(text, "not found is", "is", 1)
		errs = append(errs, fmt.Errorf("%s:%s", name, text))
	}
	return errors.Join(errs...)
}

// keyPlaces are the lines of the keys: "document.number", "faults[1]".
type keyPlaces map[string]int

// of returns the line of a key, or of the nearest one above it that is there.
func (l keyPlaces) of(key string) int {
	for key != "" {
		if line, ok := l[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 1
}

func keyLines(raw []byte) keyPlaces {
	lines := keyPlaces{}
	var doc yaml.Node
	if yaml.Unmarshal(raw, &doc) == nil && len(doc.Content) > 0 {
		lines.add("", doc.Content[0])
	}
	return lines
}

func (l keyPlaces) add(path string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
			l[key] = n.Content[i].Line
			l.add(key, n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			key := fmt.Sprintf("%s[%d]", path, i)
			l[key] = item.Line
			l.add(key, item)
		}
	}
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
