package hub_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tram/testdata"
)

var recordType = regexp.MustCompile(`vn\.tram\.[a-z]+\.[a-z]+\.v1`)

// TestEachRecordTypeThatIsMadeIsInTheContract looks through the program and the
// shipped profiles for the types of records, and for each in record.json and its
// own schema; and the other way round.
func TestEachRecordTypeThatIsMadeIsInTheContract(t *testing.T) {
	made := map[string]string{}
	for _, top := range []string{"agent", "cmd", "configs", "drivers", "hub", "sync", "vision"} {
		err := filepath.WalkDir(testdata.Project(top), func(path string, d fs.DirEntry, err error) error {
			code := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
			if err != nil || d.IsDir() || !code && filepath.Base(filepath.Dir(path)) != "profiles" {
				return err
			}
			data, err := os.ReadFile(path)
			for _, typ := range recordType.FindAllString(string(data), -1) {
				made[typ] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(made) < 10 {
		t.Fatalf("%d types found: the test looks in the wrong place", len(made))
	}
	record, err := os.ReadFile(testdata.Project("docs/contract/schema/record.json"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, typ := range recordType.FindAllString(string(record), -1) {
		named[typ] = true
		if made[typ] == "" {
			t.Errorf("the contract names %s, which nothing makes", typ)
		}
	}
	for typ, path := range made {
		if !named[typ] {
			t.Errorf("%s (%s) is not in record.json", typ, filepath.Base(path))
		}
	}
}
