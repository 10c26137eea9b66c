package lodging

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/configs"
)

func guests() []Guest {
	return []Guest{
		{Arrived: at("2026-03-02 14:05:00"), Person: map[string]string{"personName": "Nguyễn Văn Thử", "dateOfBirth": "15/08/1999", "gender": "Nam", "nationality": "Việt Nam", "idCode": "099099000017", "residencePlace": "=HYPERLINK(\"x\")"}, Answers: map[string]string{"room": "101"}},
		{Arrived: at("2026-03-02 23:10:00"), Left: at("2026-03-03 09:00:00"), Person: map[string]string{"personName": "SPECIMEN <ANNA>", "dateOfBirth": "1980", "gender": "Nữ", "nationality": "UTO", "documentNumber": "X0000001"}, Answers: map[string]string{"room": "102", "reason": "du lịch", "until": "05/03/2026"}},
	}
}

func write(t *testing.T, form, format string) File {
	t.Helper()
	f, err := LoadForm(form)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Write(format, "Nhà nghỉ Thử Nghiệm", "2026-03-02", guests())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAForeignProgramReadsTheSpreadsheet lets openpyxl read what was written.
func TestAForeignProgramReadsTheSpreadsheet(t *testing.T) {
	if err := exec.Command("python3", "-c", "import openpyxl").Run(); err != nil {
		t.Skip("python3-openpyxl is not installed")
	}
	for form, want := range map[string][]string{
		"dd10": {"1|Nguyễn Văn Thử|15/08/1999|Nam|Việt Nam|099099000017|=HYPERLINK(\"x\")|02/03/2026 14:05||101|", "2|SPECIMEN <ANNA>|1980|Nữ|UTO|X0000001||02/03/2026 23:10|03/03/2026 09:00|102|"},
		"na17": {"1|SPECIMEN <ANNA>|Nữ|1980|UTO|X0000001|||||||||du lịch|02/03/2026 23:10|05/03/2026|102"},
	} {
		file := write(t, form, "xlsx")
		path := filepath.Join(t.TempDir(), file.Name)
		if err := os.WriteFile(path, file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("python3", "-c", `
import openpyxl, sys
s = openpyxl.load_workbook(sys.argv[1]).active
for row in s.iter_rows(min_row=4):
    assert all(c.data_type in "sn" for c in row), [c.data_type for c in row]
    print("|".join("" if c.value is None else c.value for c in row))
assert s.page_setup.orientation == "landscape" and s.page_setup.fitToWidth == 1 and s.page_setup.fitToHeight == 0, s.page_setup
assert s.sheet_properties.pageSetUpPr.fitToPage and s.print_title_rows in ("3:3", "$3:$3"), s.print_title_rows
assert s.freeze_panes == "A4", s.freeze_panes
`, path).CombinedOutput()
		if err != nil {
			t.Fatalf("openpyxl: %v\n%s", err, out)
		}
		if got := strings.TrimSpace(string(out)); got != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", form, got, strings.Join(want, "\n"))
		}
	}
}

func TestNoCellOfTheCSVIsAFormula(t *testing.T) {
	text := string(write(t, "dd10", "csv").Data)
	if !strings.HasPrefix(text, "\xef\xbb\xbfSTT,Họ và tên,") || !strings.Contains(text, `"'=HYPERLINK(""x"")"`) {
		t.Errorf("CSV:\n%s", text)
	}
	for _, cell := range []string{"=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"} {
		if got := guard(cell); got != "'"+cell {
			t.Errorf("guard(%q) = %q", cell, got)
		}
	}
	if guard("101") != "101" || guard("") != "" {
		t.Error("a plain cell is changed")
	}
}

func TestThePrintablePageEscapesWhatGuestsAreCalled(t *testing.T) {
	if text := string(write(t, "dd10", "html").Data); !strings.Contains(text, "SPECIMEN &lt;ANNA&gt;") || !strings.Contains(text, "Nhà nghỉ Thử Nghiệm") {
		t.Errorf("HTML:\n%s", text)
	}
}

func TestTheCheckInFieldsHaveTheFormsOfTheDecision(t *testing.T) {
	var list []map[string]string
	if err := json.Unmarshal(write(t, "qd4750", "json").Data, &list); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"so_cccd": "099099000017", "ngay_sinh": "199908150000", "gioi_tinh": "1", "ngay_vao": "202603021405"},
		{"so_cccd": "X0000001", "ngay_sinh": "198000000000", "gioi_tinh": "2", "ngay_vao": "202603022310"},
	} {
		for field, v := range want {
			if list[i][field] != v {
				t.Errorf("line %d: %s = %q, want %q", i+1, field, list[i][field], v)
			}
		}
	}
}

func TestThePassengerListHasTheTemplatesColumns(t *testing.T) {
	text := string(write(t, "passengers", "csv").Data)
	if !strings.Contains(text, "STT,Họ và tên,Năm sinh,Ghi chú\r\n1,Nguyễn Văn Thử,1999,\r\n") || strings.Contains(text, "0990") {
		t.Errorf("CSV:\n%s", text)
	}
}

func TestAnOperatorsColumnsAreAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asm.yaml")
	if err := os.WriteFile(path, []byte("title: ASM\ncolumns:\n  - {heading: Ten, field: personName}\n  - {heading: Phong, field: room}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := string(write(t, path, "csv").Data); !strings.Contains(text, "Ten,Phong\r\nNguyễn Văn Thử,101\r\n") {
		t.Errorf("CSV:\n%s", text)
	}
	for _, wrong := range []string{"title: x\n", "columns:\n  - {heading: a}\n", "who: some\ncolumns:\n  - {heading: a, field: b}\n", "file: ../x\ncolumns:\n  - {heading: a, field: b}\n"} {
		var problems configs.Problems
		if _, err := ParseForm("x.yaml", []byte(wrong)); !errors.As(err, &problems) {
			t.Errorf("%q: %v, want problems", wrong, err)
		}
	}
	if _, err := LoadForm("none"); !errors.Is(err, ErrForm) {
		t.Errorf("an unknown form: %v", err)
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add([]byte("title: x\ncolumns:\n  - {heading: a, field: number}\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if form, err := ParseForm("x.yaml", data); err == nil {
			_ = form.cells([]Guest{{Arrived: time.Unix(0, 0)}})
		}
	})
}
