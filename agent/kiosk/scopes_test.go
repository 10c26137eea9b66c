package kiosk

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
	"tram/agent/visit"
)

// operation is one path and method of the document, and who may ask it.
type operation struct {
	method, path string
	scope        string      // of a program; "" for no program
	page         bool        // the screen may
	role         signin.Role // whom the page needs for it; "" for nobody
	open         bool        // everybody may
}

// operations are those of the document, with something in place of what is named
// in a path.
func operations(t *testing.T) []operation {
	t.Helper()
	text, err := kiosktest.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Security *[]map[string][]string `yaml:"security"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var list []operation
	for path, methods := range doc.Paths {
		for method, of := range methods {
			o := operation{method: strings.ToUpper(method), path: regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "x1"), open: of.Security != nil && len(*of.Security) == 0}
			if of.Security != nil {
				for _, way := range *of.Security {
					if scopes := way["token"]; len(scopes) > 0 {
						o.scope = scopes[0]
					}
					if roles, ok := way["page"]; ok {
						o.page = true
						if len(roles) > 0 {
							o.role = signin.Role(roles[0])
						}
					}
				}
			}
			list = append(list, o)
		}
	}
	return list
}

// idle is a station of which everything may be asked that needs no visit.
type idle struct{ wholeStation }

func (idle) Snapshot() visit.Snapshot { return visit.Snapshot{} }

// wholeServer is a server with everything mounted and nothing behind most of it: what
// gets as far as that panics.
func wholeServer(t *testing.T) (ask func(method, path string, header map[string]string) int, s *Server) {
	t.Helper()
	dir := t.TempDir()
	people, tokens := signin.OpenPeople(dir), signin.OpenTokens(dir)
	for name, role := range map[string]signin.Role{"lan": signin.Clerk, "minh": signin.Technician} {
		if err := people.Set(name, role, "804912", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(Options{
		Addr: "127.0.0.1:0", Station: idle{}, Actions: noActions{}, Admin: wholeAdmin{}, Desk: wholeDesk{}, Tech: noTech{},
		People: people, Tokens: tokens, Register: http.NotFoundHandler(), Metrics: http.NotFoundHandler(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, l := range []*limiter{s.limits, s.reads, s.programs} {
		l.burst = 1e9 // it is not what is tried here
	}
	h := s.webHandler()
	return func(method, path string, header map[string]string) (status int) {
		r := httptest.NewRequest(method, "http://"+s.Addr()+path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		for k, v := range header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		defer func() {
			if recover() != nil {
				status = http.StatusTeapot // it got as far as the station, the desk or the technician
			}
		}()
		h.ServeHTTP(w, r)
		return w.Code
	}, s
}

// Who may ask each path is what the document says, for each scope and role, and
// for nobody.
func TestEachPathIsOpenToWhomTheDocumentNamesAlone(t *testing.T) {
	ask, s := wholeServer(t)
	tokens := map[string]string{}
	for i, scope := range signin.Scopes {
		token, err := s.opt.Tokens.New(signin.Client{Name: fmt.Sprint("p", i), Scopes: []string{scope}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		tokens[scope] = token
	}
	page := func(name string) map[string]string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://"+s.Addr()+"/", nil)
		s.webHandler().ServeHTTP(w, r)
		header := map[string]string{"Cookie": w.Result().Cookies()[0].String(), "Origin": "http://" + s.Addr()}
		if name != "" {
			w = httptest.NewRecorder()
			r = httptest.NewRequest("POST", "http://"+s.Addr()+"/v1/signin", strings.NewReader(`{"name":"`+name+`","pin":"804912"}`))
			for k, v := range header {
				r.Header.Set(k, v)
			}
			r.Header.Set("Content-Type", "application/json")
			s.webHandler().ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Fatalf("sign in: %d %s", w.Code, w.Body)
			}
			header["Cookie"] = w.Result().Cookies()[0].String()
		}
		return header
	}
	pages := map[string]map[string]string{"": page(""), "lan": page("lan"), "minh": page("minh")}
	refusals := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	tried := 0
	for _, o := range operations(t) {
		if !strings.HasPrefix(o.path, "/v1/") || o.open {
			continue
		}
		tried++
		name := o.method + " " + o.path
		if got := ask(o.method, o.path, map[string]string{"Origin": "http://" + s.Addr()}); got != http.StatusForbidden {
			t.Errorf("%s by nobody: got %d, want 403", name, got)
		}
		for _, scope := range signin.Scopes {
			got := ask(o.method, o.path, map[string]string{"Authorization": "Bearer " + tokens[scope]})
			if scope != o.scope && got != http.StatusForbidden {
				t.Errorf("%s with the scope %s: got %d, want 403", name, scope, got)
			}
			if scope == o.scope && got == http.StatusForbidden {
				t.Errorf("%s with the scope %s: got 403, which the document says opens it", name, scope)
			}
		}
		for person, role := range map[string]signin.Role{"": "", "lan": signin.Clerk, "minh": signin.Technician} {
			if o.path == "/v1/signin" || o.path == "/v1/signout" || o.page && (o.role == "" || o.role == role) {
				continue
			}
			if got := ask(o.method, o.path, pages[person]); !slices.Contains(refusals, got) {
				t.Errorf("%s by the page with %q signed in: got %d, want a refusal", name, role, got)
			}
		}
	}
	if tried < 55 {
		t.Errorf("%d paths were tried", tried)
	}
}
