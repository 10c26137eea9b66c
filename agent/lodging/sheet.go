package lodging

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"tram/agent/paper"
)

const (
	sheetName = "Sheet1"
	// headRows stand above the lines: the title, the heading, the columns' names.
	headRows   = 3
	lineHeight = 15 // points
	asText     = 49 // the number format "@"
	// The widths of a column, in characters: the longest cell decides, within these.
	narrowest, widest = 5, 32
)

// sheet is the paper as a workbook. Every cell is text: numbers keep their leading
// zeros, and nothing is a formula. It prints on one page's width, the columns'
// names on each page.
func (f Form) sheet(heading string, cells [][]string) ([]byte, error) {
	x := excelize.NewFile()
	defer func() { _ = x.Close() }()
	lines := append([][]string{{f.Title}, {heading}, f.headings()}, cells...)
	for row, line := range lines {
		for col, cell := range line {
			at, err := excelize.CoordinatesToCellName(col+1, row+1)
			if err != nil {
				return nil, err
			}
			if err := x.SetCellStr(sheetName, at, cell); err != nil {
				return nil, err
			}
		}
	}
	if err := f.looks(x, lines); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := x.Write(&b)
	return b.Bytes(), err
}

// looks draws the frames and sets the fonts.
func (f Form) looks(x *excelize.File, lines [][]string) error {
	last, err := excelize.ColumnNumberToName(max(len(f.Columns), 1))
	if err != nil {
		return err
	}
	if err := f.sizes(x, lines); err != nil {
		return err
	}
	wrapped := &excelize.Alignment{WrapText: true, Vertical: "top"}
	grey := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E8E8E8"}}
	parts := []struct {
		from, to string
		style    excelize.Style
	}{
		{"A1", "A1", excelize.Style{NumFmt: asText, Font: &excelize.Font{Bold: true, Size: 14}}},
		{"A3", last + "3", excelize.Style{NumFmt: asText, Font: &excelize.Font{Bold: true}, Border: frame, Fill: grey, Alignment: wrapped}},
		{"A4", fmt.Sprint(last, len(lines)), excelize.Style{NumFmt: asText, Border: frame, Alignment: wrapped}},
	}
	if len(lines) == headRows {
		parts = parts[:2]
	}
	for _, p := range parts {
		style, err := x.NewStyle(&p.style)
		if err != nil {
			return err
		}
		if err := x.SetCellStyle(sheetName, p.from, p.to, style); err != nil {
			return err
		}
	}
	return f.printed(x)
}

// printed sets the page: on its side when the table is wide, as wide as the page.
func (f Form) printed(x *excelize.File) error {
	side, a4, fit, high := "portrait", 9, true, 0
	if len(f.Columns) >= paper.Wide {
		side = "landscape"
	}
	if err := x.SetSheetProps(sheetName, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	wide := 1
	if err := x.SetPageLayout(sheetName, &excelize.PageLayoutOptions{Size: &a4, Orientation: &side, FitToWidth: &wide, FitToHeight: &high}); err != nil {
		return err
	}
	narrow, head := 0.3, 0.15 // inches
	if err := x.SetPageMargins(sheetName, &excelize.PageLayoutMarginsOptions{Left: &narrow, Right: &narrow, Top: &narrow, Bottom: &narrow, Header: &head, Footer: &head}); err != nil {
		return err
	}
	if err := x.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: sheetName + "!$3:$3", Scope: sheetName}); err != nil {
		return err
	}
	return x.SetPanes(sheetName, &excelize.Panes{Freeze: true, YSplit: headRows, TopLeftCell: "A4", ActivePane: "bottomLeft"})
}

// sizes sets widths by the longest cell and heights by the lines that a cell then
// has: not every program works the heights out when it opens a workbook.
func (f Form) sizes(x *excelize.File, lines [][]string) error {
	widths := make([]int, len(f.Columns))
	for col := range f.Columns {
		width := max(narrowest, min(utf8.RuneCountInString(f.Columns[col].Heading)+2, 12))
		for _, line := range lines[headRows:] {
			width = max(width, utf8.RuneCountInString(line[col])+2)
		}
		widths[col] = min(width, widest)
		name, err := excelize.ColumnNumberToName(col + 1)
		if err != nil {
			return err
		}
		if err := x.SetColWidth(sheetName, name, name, float64(widths[col])); err != nil {
			return err
		}
	}
	for i, line := range lines[headRows-1:] {
		high := 1
		for col, cell := range line {
			high = max(high, textLines(cell, widths[col]-2))
		}
		if err := x.SetRowHeight(sheetName, headRows+i, float64(min(high, 20))*lineHeight); err != nil {
			return err
		}
	}
	return nil
}

// textLines is how many lines a text takes whose words are wrapped at width.
func textLines(text string, width int) int {
	lines, used := 1, 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			used = n
		case used+1+n <= width:
			used += 1 + n
		default:
			lines, used = lines+1, n
		}
		for ; used > width; used -= width {
			lines++
		}
	}
	return lines
}

var frame = []excelize.Border{line("left"), line("right"), line("top"), line("bottom")}

func line(side string) excelize.Border {
	return excelize.Border{Type: side, Style: 1, Color: "444444"}
}
