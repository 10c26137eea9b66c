package paper

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func table(t *testing.T, columns int) string {
	t.Helper()
	names, cells := make([]string, columns), make([]string, columns)
	for i := range names {
		names[i], cells[i] = "Họ và tên", `<script>x</script>`
	}
	page, err := Table("Sổ <1>", "Nhà nghỉ & Thử", names, [][]string{cells})
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// TestThePolicyLetsTheStyleOfThePageThrough computes the hash as a browser does:
// over what stands between the tags (CSP 3, §6.7.3.3).
func TestThePolicyLetsTheStyleOfThePageThrough(t *testing.T) {
	list, err := List("Phiếu", []Line{{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]string{"table": table(t, 3), "list": string(list)} {
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
		if style == nil {
			t.Fatalf("the %s has no style:\n%s", name, page)
		}
		sum := sha256.Sum256([]byte(style[1]))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(Policy, want) {
			t.Errorf("the policy %q does not allow the style of the %s, %s", Policy, name, want)
		}
		if strings.Contains(page, "style=") || strings.Contains(page, "<script") {
			t.Errorf("the %s holds what the policy stops:\n%s", name, page)
		}
	}
}

func TestAWideTableLiesOnItsSide(t *testing.T) {
	for columns, want := range map[int]string{Wide - 1: "<body>", Wide: `<body class="wide">`, 2 * Wide: `<body class="wide wider">`} {
		if page := table(t, columns); !strings.Contains(page, want) {
			t.Errorf("%d columns: want %s in\n%s", columns, want, page)
		}
	}
}

func TestWhatPeopleAreCalledIsText(t *testing.T) {
	page := table(t, 2)
	for _, want := range []string{"<td>&lt;script&gt;x&lt;/script&gt;</td>", "<h1>Sổ &lt;1&gt;</h1>", "Nhà nghỉ &amp; Thử"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %s in\n%s", want, page)
		}
	}
}
