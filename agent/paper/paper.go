package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// Wide is the count of columns from which a table lies on its side.
const Wide = 6

// style is for paper first: lines that printers show, headings repeated on each
// page, no line torn in two. Sizes are in points.
const style = `@page{size:A4 portrait;margin:12mm}@page wide{size:A4 landscape;margin:10mm}
body{font:11pt/1.3 "DejaVu Sans","Noto Sans",Arial,sans-serif;color:#000;background:#fff;margin:8mm}
.wide{page:wide;font-size:9pt}.wider{font-size:7.5pt}
h1{font-size:15pt;margin:0 0 2mm}p{margin:0 0 4mm}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #444;padding:1.2mm 1.5mm;text-align:left;vertical-align:top;overflow-wrap:break-word}
.wider th,.wider td{padding:1mm}
thead{display:table-header-group}thead th{background:#e8e8e8}tr{break-inside:avoid}
tbody th{font-weight:normal;width:45%}
@media print{body{margin:0}}`

// Policy is the Content-Security-Policy under which a page is served: its own
// style and nothing else.
var Policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// Line is a label and what stands beside it.
type Line struct{ Label, Value string }

type sheet struct {
	Style          template.CSS
	Class          string
	Title, Heading string
	Columns        []string
	Cells          [][]string
	Lines          []Line
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>{{.Title}}</title><style>{{.Style}}</style></head>
<body{{with .Class}} class="{{.}}"{{end}}><h1>{{.Title}}</h1>{{with .Heading}}<p>{{.}}</p>{{end}}
<table>{{with .Columns}}<thead><tr>{{range .}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
{{end}}<tbody>{{range .Cells}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}{{range .Lines}}<tr><th scope="row">{{.Label}}</th><td>{{.Value}}</td></tr>
{{end}}</tbody></table></body></html>
`))

// Table is a page with a table under its headings; it lies on its side from Wide
// columns on.
func Table(title, heading string, columns []string, cells [][]string) ([]byte, error) {
	s := sheet{Title: title, Heading: heading, Columns: columns, Cells: cells}
	switch n := len(columns); {
	case n >= 2*Wide:
		s.Class = "wide wider"
	case n >= Wide:
		s.Class = "wide"
	}
	return s.html()
}

// List is a page with one line for each label.
func List(title string, lines []Line) ([]byte, error) {
	return sheet{Title: title, Lines: lines}.html()
}

func (s sheet) html() ([]byte, error) {
	s.Style = style
	var b bytes.Buffer
	err := page.Execute(&b, s)
	return b.Bytes(), err
}
