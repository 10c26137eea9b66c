package lodging

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"tram/agent/paper"
)

// File is a paper that is done.
type File struct {
	Name string
	Type string // MIME type
	Data []byte
}

// Write makes the paper as "xlsx", "csv", "html" or "json". The heading stands
// above it, such as the facility and the day; suffix ends the file's name.
func (f Form) Write(format, heading, suffix string, guests []Guest) (File, error) {
	cells := f.cells(guests)
	out := File{Name: f.File + "-" + suffix + "." + format}
	var err error
	switch format {
	case "xlsx":
		out.Type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		out.Data, err = f.sheet(heading, cells)
	case "csv":
		out.Type = "text/csv; charset=utf-8"
		out.Data, err = f.csv(cells)
	case "html":
		out.Type = "text/html; charset=utf-8"
		out.Data, err = paper.Table(f.Title, heading, f.headings(), cells)
	case "json":
		out.Type = "application/json"
		out.Data, err = f.json(cells)
	default:
		return File{}, fmt.Errorf("%w: format %q", ErrForm, format)
	}
	if err != nil {
		return File{}, fmt.Errorf("write %s: %w", f.File, err)
	}
	return out, nil
}

func (f Form) headings() []string {
	out := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		out[i] = c.Heading
	}
	return out
}

// csv begins with a byte order mark, by which spreadsheets know UTF-8.
func (f Form) csv(cells [][]string) ([]byte, error) {
	b := bytes.NewBufferString("\xef\xbb\xbf")
	w := csv.NewWriter(b)
	w.UseCRLF = true
	if err := w.Write(guardAll(f.headings())); err != nil {
		return nil, err
	}
	for _, line := range cells {
		if err := w.Write(guardAll(line)); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func guardAll(line []string) []string {
	out := make([]string, len(line))
	for i, cell := range line {
		out[i] = guard(cell)
	}
	return out
}

// guard keeps a spreadsheet from taking a guest's text for a formula, the wide
// forms of the signs, too.
func guard(cell string) string {
	if strings.ContainsAny(cell[:min(len(cell), 1)], "=+-@\t\r\n") {
		return "'" + cell
	}
	for _, wide := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(cell, wide) {
			return "'" + cell
		}
	}
	return cell
}

func (f Form) json(cells [][]string) ([]byte, error) {
	list := make([]map[string]string, len(cells))
	for i, line := range cells {
		list[i] = map[string]string{}
		for j, cell := range line {
			list[i][f.Columns[j].Heading] = cell
		}
	}
	return json.MarshalIndent(list, "", "  ")
}
