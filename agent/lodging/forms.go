package lodging

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"tram/configs"
)

//go:embed forms/*.yaml
var shipped embed.FS

// ErrForm means that there is no such form, or format of a paper.
var ErrForm = errors.New("there is no such form or format")

// Form says which columns a paper has.
type Form struct {
	Title   string   `yaml:"title"`
	File    string   `yaml:"file"` // how its files' names begin
	Who     string   `yaml:"who"`  // "all", "foreigners"
	Columns []Column `yaml:"columns"`
}

// Column takes its cells from one field: "number" counts the lines, "arrived",
// "left", "document", "birthYear", "arrived4750", "birth4750", "gender4750",
// "insuranceFrom4750" and "insuranceUntil4750" are made of the guest; every other
// is a field of the person or an answer.
type Column struct {
	Heading string `yaml:"heading"`
	Field   string `yaml:"field"`
}

// LoadForm reads a shipped form by name, or a file by its path.
func LoadForm(nameOrPath string) (Form, error) {
	var data []byte
	var err error
	if strings.ContainsAny(nameOrPath, "/.") {
		data, err = os.ReadFile(nameOrPath)
	} else if data, err = shipped.ReadFile("forms/" + nameOrPath + ".yaml"); err != nil {
		return Form{}, fmt.Errorf("%w: %q", ErrForm, nameOrPath)
	}
	if err != nil {
		return Form{}, fmt.Errorf("read a form: %w", err)
	}
	return ParseForm(nameOrPath, data)
}

const maxColumns = 100

// ParseForm reads a form; what is wrong with it comes back as configs.Problems.
func ParseForm(file string, data []byte) (Form, error) {
	f := Form{Who: "all", File: "export"}
	lines, problems := configs.Decode(file, data, &f)
	wrong := func(key, text, remedy string) {
		problems = append(problems, configs.Problem{File: file, Line: lines[key], Key: key, Text: text, Remedy: remedy})
	}
	if n := len(f.Columns); n == 0 || n > maxColumns {
		wrong("columns", fmt.Sprintf("%d columns", n), fmt.Sprintf("list 1 to %d", maxColumns))
	}
	for _, c := range f.Columns {
		if c.Heading == "" || c.Field == "" {
			wrong("columns", "a column lacks its heading or its field", "write {heading: …, field: …}")
			break
		}
	}
	if f.Who != "all" && f.Who != "foreigners" {
		wrong("who", fmt.Sprintf("%q is not known", f.Who), "use all or foreigners")
	}
	if strings.Trim(f.File, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		wrong("file", "the files' name holds other than lower-case letters, digits and hyphens", "use such as so-luu-tru")
	}
	if len(problems) > 0 {
		return f, problems
	}
	return f, nil
}

// Guest is a line of a paper: a person's data, revealed, which lives while the
// paper is made.
type Guest struct {
	Arrived time.Time
	Left    time.Time // zero: still there
	Person  map[string]string
	Answers map[string]string
	Note    string
}

// cells are the lines of the paper under its headings.
func (f Form) cells(guests []Guest) [][]string {
	var out [][]string
	for _, g := range guests {
		if f.Who == "foreigners" && !Foreigner(g.Person["nationality"]) {
			continue
		}
		line := make([]string, len(f.Columns))
		for i, c := range f.Columns {
			line[i] = g.field(c.Field, len(out)+1)
		}
		out = append(out, line)
	}
	return out
}

func (g Guest) field(name string, number int) string {
	stamp := func(t time.Time, layout string) string {
		if t.IsZero() {
			return ""
		}
		return t.In(Place).Format(layout)
	}
	switch name {
	case "number":
		return strconv.Itoa(number)
	case "note":
		return g.Note
	case "arrived":
		return stamp(g.Arrived, "02/01/2006 15:04")
	case "left":
		return stamp(g.Left, "02/01/2006 15:04")
	case "arrived4750":
		return stamp(g.Arrived, "200601021504")
	case "birth4750":
		return birth4750(g.Person["dateOfBirth"])
	case "insuranceFrom4750":
		return date8(g.Person["insuranceFrom"])
	case "insuranceUntil4750":
		return date8(g.Person["insuranceUntil"])
	case "gender4750":
		code, ok := map[string]string{"Nam": "1", "Nữ": "2"}[g.Person["gender"]]
		if !ok {
			return "3"
		}
		return code
	case "birthYear":
		if y := g.Person["birthYear"]; y != "" {
			return y
		}
		date := g.Person["dateOfBirth"]
		return date[strings.LastIndexByte(date, '/')+1:]
	case "document":
		if n := g.Person["idCode"]; n != "" {
			return n
		}
		return g.Person["documentNumber"]
	}
	if v := g.Person[name]; v != "" {
		return v
	}
	answer := g.Answers[name]
	if d, err := time.Parse(time.DateOnly, answer); err == nil { // a day that was asked, as papers write days
		return d.Format("02/01/2006")
	}
	return answer
}

// birth4750 is dd/MM/yyyy, MM/yyyy or yyyy as yyyymmddHHMM, what is not known as 00.
func birth4750(date string) string {
	d := date8(date)
	if d == "" {
		return ""
	}
	return d + "0000"
}

// date8 is dd/MM/yyyy, MM/yyyy or yyyy as yyyymmdd, what is not known as 00; what
// is no date is nothing.
func date8(date string) string {
	p := strings.Split(date, "/")
	for len(p) < 3 {
		p = append([]string{"00"}, p...)
	}
	d := p[2] + p[1] + p[0]
	if _, err := strconv.ParseUint(d, 10, 32); err != nil || len(d) != len("20260302") {
		return ""
	}
	return d
}
