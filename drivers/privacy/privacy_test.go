package privacy

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const secret = "Nguyễn Văn Thử"

type nested struct {
	Name  Private[string]
	Deep  struct{ List []Private[string] }
	Table map[string]Private[[]byte]
	Ptr   *Private[string]
}

type element struct{ Name Private[string] }

func sample() nested {
	n := nested{Name: New(secret)}
	n.Deep.List = []Private[string]{New(secret)}
	n.Table = map[string]Private[[]byte]{"k": New([]byte(secret))}
	p := New(secret)
	n.Ptr = &p
	return n
}

func TestPrivateIsNeverPrintedHoweverItIsFormatted(t *testing.T) {
	n := sample()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+"\n", n, n.Name)
		fmt.Fprintf(&out, verb+"\n", &n)
	}
	j, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		l := slog.New(h)
		l.Info("visit", "person", n, "name", n.Name, "group", slog.GroupValue(slog.Any("x", n)))
		l.Info("visit", "err", fmt.Errorf("read %v: %w", n.Name, errors.New("x")))
	}
	x, err := xml.Marshal(element{n.Name})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(x)
	for _, needle := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%v", []byte(secret))} {
		if strings.Contains(out.String(), needle) {
			t.Errorf("output holds the private value as %q:\n%s", needle, out.String())
		}
	}
	if !strings.Contains(out.String(), Redacted) {
		t.Errorf("output does not say %s:\n%s", Redacted, out.String())
	}
}

func TestRevealReturnsTheValueAndZeroWithoutOne(t *testing.T) {
	if got := New(secret).Reveal(); got != secret {
		t.Errorf("Reveal() = %q, want %q", got, secret)
	}
	var none Private[string]
	if got := none.Reveal(); got != "" || none.IsSet() {
		t.Errorf("zero Private reveals %q, set %v", got, none.IsSet())
	}
}
