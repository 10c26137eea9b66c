package kiosk

import (
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
)

// Everything that a Server may be given, so that every path is mounted.
type (
	wholeStation struct {
		Station
		Asking
		Reader
		Deciding
		Announcing
		Ticketing
	}
	wholeAdmin struct {
		Admin
		QueueReader
		Bundler
	}
	wholeDesk struct {
		Desk
		Guarding
		Counting
		Rights
	}
	noActions struct{ Actions }
	noTech    struct{ Tech }
)

// routes is a router that only writes down what is mounted.
type routes struct{ list []string }

func (r *routes) Handle(pattern string, _ http.Handler) { r.list = append(r.list, pattern) }
func (r *routes) HandleFunc(pattern string, _ func(http.ResponseWriter, *http.Request)) {
	r.list = append(r.list, pattern)
}

func TestTheDocumentNamesEachPathThatIsServedAndNoOther(t *testing.T) {
	text, err := kiosktest.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string                          `yaml:"openapi"`
		Paths   map[string]map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("openapi: %q, want 3.1", doc.OpenAPI)
	}
	var written []string
	for path, methods := range doc.Paths {
		for method := range methods {
			if slices.Contains([]string{"get", "post", "delete", "put"}, method) {
				written = append(written, strings.ToUpper(method)+" "+path)
			}
		}
	}
	none := http.NotFoundHandler()
	s := &Server{opt: Options{
		Station: wholeStation{}, Actions: noActions{}, Admin: wholeAdmin{}, Desk: wholeDesk{}, Tech: noTech{},
		People: new(signin.People), Tokens: new(signin.Tokens), Register: none, Metrics: none,
	}}
	var r routes
	s.pages(&r)
	s.api(&r)
	s.administration(&r)
	wild := regexp.MustCompile(`\{[a-z]+\.*\}`)
	var served []string
	for _, pattern := range r.list {
		switch pattern {
		case "/": // what is not there
			continue
		case "/v1/register/": // one path for each order of the command line
			pattern = "POST /v1/register/{order}"
		}
		pattern = strings.Replace(pattern, "{$}", "", 1)
		if strings.HasSuffix(pattern, "/assets/") {
			pattern += "{file}"
		}
		served = append(served, wild.ReplaceAllString(pattern, "{}"))
	}
	for i := range written {
		written[i] = wild.ReplaceAllString(written[i], "{}")
	}
	for _, w := range served {
		if !slices.Contains(written, w) {
			t.Errorf("%s is served and not in %s", w, kiosktest.ContractFile)
		}
	}
	for _, w := range written {
		if !slices.Contains(served, w) && !strings.Contains(w, "/v1/register/") {
			t.Errorf("%s is in %s and not served", w, kiosktest.ContractFile)
		}
	}
}

// A validator of another make holds the document against OpenAPI's own schema, and
// each example against the schema beside it.
func TestAForeignValidatorTakesTheDocumentAndItsExamples(t *testing.T) {
	node, modules := kiosktest.Node(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, "testdata/openapi.mjs", modules, "../../"+kiosktest.ContractFile).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ok: OpenAPI 3.1") {
		t.Errorf("%v\n%s", err, out)
	}
}
