package kiosktest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
)

// ContractFile is the document of the local API, from the project's root.
const ContractFile = "docs/contract/openapi.yaml"

// Document returns the text of the local API's document.
func Document() ([]byte, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, ContractFile))
}

// root is the project's folder.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

var contract = sync.OnceValues(func() (validator.Validator, error) {
	text, err := Document()
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc, config.WithFormatAssertions(), config.WithoutSecurityValidation())
	if len(errs) > 0 {
		return nil, fmt.Errorf("%v", errs)
	}
	return v, nil
})

// Contract returns the validator of the local API's document. It may be used by
// one goroutine at a time.
func Contract(t testing.TB) validator.Validator {
	t.Helper()
	v, err := contract()
	if err != nil {
		t.Fatalf("%s: %v", ContractFile, err)
	}
	return v
}

var checking sync.Mutex

// Check holds an answer of the server, and the request when the server took it,
// against the document. What is no part of the document's answers: requests to
// paths that are not there, and those that a server refuses before it looks at them.
func Check(t testing.TB, r *http.Request, sent []byte, status int, header http.Header, body []byte) {
	t.Helper()
	checking.Lock()
	defer checking.Unlock()
	v := Contract(t)
	request := func() *http.Request {
		c := r.Clone(r.Context())
		c.Body = io.NopCloser(bytes.NewReader(sent))
		c.ContentLength = int64(len(sent))
		c.URL.Scheme, c.URL.Host = "http", "127.0.0.1:8600"
		return c
	}
	if status == http.StatusNotFound && strings.Contains(string(body), `"not_found"`) || strings.HasPrefix(r.URL.Path, "/assets/") || strings.Contains(r.URL.Path, "/..") || r.Method == http.MethodOptions {
		return
	}
	res := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
	if ok, problems := v.ValidateHttpResponse(request(), res); !ok {
		t.Errorf("the answer %d to %s %s is not what %s says: %s", status, r.Method, r.URL.Path, ContractFile, explain(problems))
	}
	if status/100 != 2 {
		return
	}
	if ok, problems := v.ValidateHttpRequest(request()); !ok {
		t.Errorf("the server took %s %s, which %s does not allow: %s", r.Method, r.URL.Path, ContractFile, explain(problems))
	}
}

func explain(problems []*errors.ValidationError) string {
	var out []string
	for _, p := range problems {
		line := p.Message + ": " + p.Reason
		for _, s := range p.SchemaValidationErrors {
			line += fmt.Sprintf("\n  %s at %s", s.Reason, s.FieldPath)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
