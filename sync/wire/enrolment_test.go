package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func sampleCode() Code {
	c := Code{ID: [4]byte{1, 2, 3, 4}, CA: CAOf([]byte("an authority's key"))}
	copy(c.Secret[:], "0123456789")
	return c
}

func TestCodeIsReadAsAPersonTypesIt(t *testing.T) {
	c := sampleCode()
	text := c.Text()
	for _, typed := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " "),
		strings.ReplaceAll(strings.ReplaceAll(text, "0", "o"), "1", "l")} {
		got, err := ParseCode(typed)
		if err != nil || got != c {
			t.Errorf("ParseCode(%d characters) = %v, %v, want the code", len(typed), got, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %s", c, &c, c); strings.Contains(s, "0123456789") || strings.Contains(s, "48") {
		t.Errorf("a printed code shows %q", s)
	}
}

func TestCodeMistypedIsNoticed(t *testing.T) {
	text := sampleCode().Text()
	for i := range text {
		if text[i] == '-' {
			continue
		}
		other := byte('7')
		if text[i] == other {
			other = '8'
		}
		if _, err := ParseCode(text[:i] + string(other) + text[i+1:]); !errors.Is(err, ErrCode) {
			t.Errorf("with character %d changed: error %v, want ErrCode", i, err)
		}
	}
	for _, s := range []string{"", "hello", text + "A", text[:len(text)-1], strings.Repeat("-", 200), "UUUU" + text[4:]} {
		if _, err := ParseCode(s); !errors.Is(err, ErrCode) {
			t.Errorf("ParseCode(%q): error %v, want ErrCode", s, err)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add(sampleCode().Text())
	f.Add("")
	f.Add("AAAA-BBBB")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			return
		}
		if again, err := ParseCode(c.Text()); err != nil || again != c {
			t.Errorf("a code does not survive its text: %v", err)
		}
	})
}

func FuzzEnrolmentMessages(f *testing.F) {
	f.Add([]byte(`{"v":1,"code":"AAAA","csr":"-----BEGIN"}`))
	f.Add([]byte(`{"v":1,"device":"a","signed":"x.y.z"}`))
	f.Add([]byte(`{"device":"a","ca":"00","csr":"x","box":{}}`))
	f.Add([]byte(`{"v":1,"device":"a","site":"s","certificate":"c","chain":"","hubKeys":{},"broker":"b","ca":"d"}`))
	f.Add([]byte(`{"v":1,"reason":"used","text":"no"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseEnrollRequest(b); err == nil && (r.Code == "" || r.CSR == "") {
			t.Error("an empty request is taken")
		}
		if r, err := ParseRenewRequest(b); err == nil && CheckName(r.Device) != nil {
			t.Error("a renewal of a name that is not allowed is taken")
		}
		_, _ = ParseRenewal(b)
		if e, err := ParseEnrollment(b); err == nil && (CheckName(e.Device) != nil || CheckName(e.Site) != nil) {
			t.Error("an answer with a name that is not allowed is taken")
		}
		if r := ParseRefusal(b); len(r.Text) > 300 {
			t.Error("a refusal's text is too long")
		}
	})
}
