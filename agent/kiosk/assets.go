package kiosk

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"sort"
	"strings"
	"time"
)

//go:embed web
var web embed.FS

var pageTemplate = template.Must(template.ParseFS(web, "web/*.html"))

// assets are the embedded files below /assets/, and languages.json, which lists
// the language tables that are there: a further language is one more file.
var assets = mustAssets()

type asset struct {
	body []byte
	kind string
	tag  string
}

// Language is one entry of /assets/languages.json.
type Language struct {
	Code  string `json:"code"` // as in <html lang>
	Name  string `json:"name"` // in the language itself
	Order int    `json:"order"`
}

func mustAssets() map[string]asset {
	m := make(map[string]asset)
	add := func(name string, body []byte) {
		sum := sha256.Sum256(body)
		m[name] = asset{body: body, kind: kindOf(name), tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	var languages []Language
	err := fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".html" {
			return err
		}
		body, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		if path.Dir(name) == "web/lang" {
			var table struct {
				Language Language `json:"language"`
			}
			if err := json.Unmarshal(body, &table); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			languages = append(languages, table.Language)
		}
		add(strings.TrimPrefix(name, "web/"), body)
		return nil
	})
	if err != nil {
		panic(err) // the binary was built with a broken file; a test finds it
	}
	sort.Slice(languages, func(i, j int) bool { return languages[i].Order < languages[j].Order })
	list, err := json.Marshal(languages)
	if err != nil {
		panic(err)
	}
	add("languages.json", list)
	return m
}

// kindOf does not ask the machine's mime tables, which may call a module text/plain.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}

// page serves a page and opens its session.
func (s *Server) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t := pageTemplate.Lookup(name)
		if t == nil {
			refuse(w, http.StatusNotFound, "not_found", "there is no such page")
			return
		}
		s.showPage(w, r, t)
	}
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request, t *template.Template) {
	if err := s.openSession(w, r); err != nil {
		s.fail(w, r, fmt.Errorf("open a session: %w", err))
		return
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]int{"IdleSeconds": s.idleSec}); err != nil {
		s.fail(w, r, fmt.Errorf("make the page: %w", err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// asset serves one embedded file. Browsers ask each time and get 304: after an
// update of the daemon no old module is left beside a new one.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok {
		refuse(w, http.StatusNotFound, "not_found", "there is no such asset")
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
