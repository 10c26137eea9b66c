package lodging

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/xuri/excelize/v2"
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
		out.Data, err = f.xlsx(heading, cells)
	case "csv":
		out.Type = "text/csv; charset=utf-8"
		out.Data, err = f.csv(cells)
	case "html":
		out.Type = "text/html; charset=utf-8"
		out.Data, err = f.html(heading, cells)
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

// xlsx writes every cell as text: numbers keep their leading zeros, and nothing
// is a formula.
func (f Form) xlsx(heading string, cells [][]string) ([]byte, error) {
	x := excelize.NewFile()
	defer func() { _ = x.Close() }()
	const sheet = "Sheet1"
	text, err := x.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return nil, err
	}
	lines := append([][]string{{f.Title}, {heading}, f.headings()}, cells...)
	for row, line := range lines {
		for col, cell := range line {
			at, err := excelize.CoordinatesToCellName(col+1, row+1)
			if err != nil {
				return nil, err
			}
			if err := x.SetCellStr(sheet, at, cell); err != nil {
				return nil, err
			}
		}
	}
	last, err := excelize.ColumnNumberToName(max(len(f.Columns), 1))
	if err != nil {
		return nil, err
	}
	if err := x.SetColStyle(sheet, "A:"+last, text); err != nil {
		return nil, err
	}
	if err := x.SetColWidth(sheet, "B", last, 20); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = x.Write(&b)
	return b.Bytes(), err
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

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body><h1>{{.Title}}</h1><p>{{.Heading}}</p>
<table border="1" cellspacing="0" cellpadding="4"><thead><tr>{{range .Columns}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>{{range .Cells}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></body></html>
`))

func (f Form) html(heading string, cells [][]string) ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{"Title": f.Title, "Heading": heading, "Columns": f.headings(), "Cells": cells})
	return b.Bytes(), err
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
