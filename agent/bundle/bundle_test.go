package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestABundleHoldsItsFiles(t *testing.T) {
	b, err := Make("desk-1", []File{{"a.json", []byte("{}")}, {"log.txt", []byte("x\n")}}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	var got string
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprintf("%s=%q ", h.Name, data)
	}
	if want := `desk-1/a.json="{}" desk-1/log.txt="x\n" `; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheTailKeepsTheLastWholeLines(t *testing.T) {
	tail := NewTail(20)
	for i := range 100 {
		fmt.Fprintf(tail, "line %d\n", i)
	}
	if got := string(tail.Last(20)); got != "line 98\nline 99\n" {
		t.Errorf("got %q", got)
	}
	if got := (*Tail)(nil).Last(5); got != nil {
		t.Errorf("no tail: %q", got)
	}
}
