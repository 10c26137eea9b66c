// Package cmd_test holds the layout of the whole project: who may import whom,
// and which package is the one home of each outside library. It reads the
// source itself: a test that asked "go list" would pass from the test cache
// after a violation.
package cmd_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tram/testdata"
)

// mayImport lists, for each part of the project, the prefixes below module tram
// that its source may import. Anything not listed may import nothing of it.
var mayImport = map[string][]string{
	"cmd/tram":        {"agent", "configs", "drivers", "sync", "vision"},
	"cmd/tram-vision": {"vision", "drivers/camera"},
	"cmd/tram-hub":    {"hub", "sync"},
	"agent":           {"agent", "configs", "drivers", "sync", "vision"},
	"drivers":         {"drivers"},
	"vision":          {"vision", "drivers/camera"},
	"sync":            {"sync"},
	"configs":         {},
	"hub":             {"hub", "sync/wire", "sync/seal", "sync/boltfile"},
	"testdata":        {},
}

// homes says which packages may import an outside library.
var homes = map[string][]string{
	"github.com/ebfe/scard":                         {"drivers/pcsc"},
	"github.com/tarm/serial":                        {"drivers/scanner", "drivers/relay", "drivers/printer"},
	"gocv.io/x/gocv":                                {"vision/cv", "drivers/camera"},
	"github.com/makiuchi-d/gozxing":                 {"vision/qr"},
	"go.etcd.io/bbolt":                              {"sync/outbox", "sync/inbox", "sync/boltfile", "agent/register", "hub"},
	"github.com/eclipse/paho.mqtt.golang":           {"sync/uplink", "hub"},
	"github.com/mochi-mqtt/server":                  {"hub"},
	"github.com/spf13/cobra":                        {"cmd"},
	"github.com/jackc/pgx":                          {"hub"},
	"github.com/santhosh-tekuri/jsonschema":         {},
	"github.com/osanderson/brainpool":               {"drivers/emrtd"},
	"github.com/aead/cmac":                          {"drivers/emrtd"},
	"github.com/go-jose/go-jose":                    {"sync/seal"},
	"github.com/google/go-tpm":                      {"sync/keys"},
	"github.com/miekg/pkcs11":                       {"sync/keys"},
	"github.com/prometheus/client_golang":           {"agent/metrics"},
	"github.com/landlock-lsm/go-landlock":           {"vision/confine/apply"},
	"kernel.org/pub/linux/libs/security/libcap/psx": {"vision/confine/apply"},
	"golang.org/x/image":                            {"drivers/printer", "vision/cv"},
	"github.com/creack/pty":                         {"drivers/sim"},
	"go.yaml.in/yaml":                               {"configs", "drivers/sim", "cmd/tram"},
	"github.com/xuri/excelize":                      {"agent/lodging"},
}

// onlyFor are packages that pretend to be hardware: nothing that runs at a
// counter may depend on them.
var onlyFor = map[string][]string{
	"drivers/sim": {"drivers/sim", "agent/demo", "cmd/tram"},
	"agent/demo":  {"agent/demo", "cmd/tram"},
}

// source is what one package's files import; path is relative to the module.
type source struct {
	path    string
	imports map[string]string // import to the file that has it
}

func packages(t *testing.T) []source {
	t.Helper()
	root := testdata.Project(".")
	found := map[string]map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		if found[pkg] == nil {
			found[pkg] = map[string]string{}
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[pkg][name] = filepath.ToSlash(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []source
	for path, imports := range found {
		list = append(list, source{path, imports})
	}
	slices.SortFunc(list, func(a, b source) int { return strings.Compare(a.path, b.path) })
	if len(list) < 20 {
		t.Fatalf("only %d packages found below %s", len(list), root)
	}
	return list
}

func under(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	})
}

// part finds the entry of mayImport that a package belongs to.
func part(path string) (string, bool) {
	best := ""
	for p := range mayImport {
		if under(path, []string{p}) && len(p) > len(best) {
			best = p
		}
	}
	return best, best != ""
}

func TestImportsPointOneWay(t *testing.T) {
	for _, pkg := range packages(t) {
		p, ok := part(pkg.path)
		if !ok {
			t.Errorf("%s is in no part of the layout", pkg.path)
			continue
		}
		for name, file := range pkg.imports {
			inner, ours := strings.CutPrefix(name, "tram/")
			if !ours {
				continue
			}
			if !under(inner, mayImport[p]) && !(strings.HasSuffix(pkg.path, "test") && inner == "testdata") {
				t.Errorf("%s imports %s; %s may import only %v", file, name, p, mayImport[p])
			}
			for limited, allowed := range onlyFor {
				if under(inner, []string{limited}) && !under(pkg.path, allowed) {
					t.Errorf("%s imports %s, which is for %v only", file, name, allowed)
				}
			}
		}
	}
}

func TestEachOutsideLibraryHasOneHome(t *testing.T) {
	for _, pkg := range packages(t) {
		for name, file := range pkg.imports {
			for library, allowed := range homes {
				if (name == library || strings.HasPrefix(name, library+"/")) && !under(pkg.path, allowed) {
					t.Errorf("%s imports %s, whose home is %v", file, name, allowed)
				}
			}
		}
	}
}

func TestTramLinksNoOpenCV(t *testing.T) {
	byPath := map[string]source{}
	for _, pkg := range packages(t) {
		byPath[pkg.path] = pkg
	}
	seen := map[string]bool{}
	var visit func(path string, way []string)
	visit = func(path string, way []string) {
		if seen[path] {
			return
		}
		seen[path] = true
		way = append(way, path)
		for name := range byPath[path].imports {
			if strings.HasPrefix(name, "gocv.io/") {
				t.Errorf("tram links OpenCV: %s", strings.Join(append(way, name), " -> "))
			}
			if inner, ours := strings.CutPrefix(name, "tram/"); ours {
				visit(inner, slices.Clone(way))
			}
		}
	}
	visit("cmd/tram", nil)
	if len(seen) < 10 {
		t.Errorf("only %d packages reached from cmd/tram", len(seen))
	}
}

func TestSyncHasNoFilesOfItsOwn(t *testing.T) {
	for _, pkg := range packages(t) {
		if pkg.path == "sync" {
			t.Error("the folder sync holds Go files; package sync beside the standard one needs aliases everywhere")
		}
	}
}
