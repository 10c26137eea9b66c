package kiosk_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent/signin"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/sim"
)

// A program leads visits at a counter as a hospital's or hotel's software does:
// over HTTP with a token, hearing of changes from the event stream.
type program struct {
	*stand
	token string
	http  http.Client

	mu      sync.Mutex
	state   visit.Snapshot
	text    string            // of the last state event
	results map[string]string // by visit: the last result event
	news    chan struct{}
}

func (c *stand) program(name string) *program {
	c.t.Helper()
	token, err := signin.OpenTokens(c.state).New(signin.Client{Name: name, Scopes: []string{signin.VisitRead, signin.VisitWrite, signin.DeskRead}}, time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	p := &program{stand: c, token: token, results: map[string]string{}, news: make(chan struct{}, 1), http: http.Client{Transport: &http.Transport{}}}
	req, err := http.NewRequestWithContext(c.t.Context(), "GET", "http://"+c.addr+"/v1/events", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := p.http.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("the event stream: %v %v", res, err)
	}
	var heard sync.WaitGroup
	heard.Go(func() { p.hear(bufio.NewReaderSize(res.Body, 1<<20)) })
	c.t.Cleanup(func() {
		_ = res.Body.Close()
		heard.Wait()
		p.http.CloseIdleConnections()
	})
	if status, body := p.do("POST", "/v1/session", nil); status != http.StatusCreated {
		c.t.Fatalf("own the reader: %d %s", status, body)
	}
	return p
}

// hear takes events until the stream ends.
func (p *program) hear(r *bufio.Reader) {
	name := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = strings.TrimSpace(v)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		p.mu.Lock()
		switch name {
		case "state":
			p.state = visit.Snapshot{}
			_ = json.Unmarshal([]byte(data), &p.state)
			p.text = data
		case "result":
			var of struct{ Visit string }
			_ = json.Unmarshal([]byte(data), &of)
			p.results[of.Visit] = data
		}
		p.mu.Unlock()
		select {
		case p.news <- struct{}{}:
		default:
		}
	}
}

// do asks, and asks again where it was too early.
func (p *program) do(method, path string, body any) (int, string) {
	p.t.Helper()
	for {
		var data []byte
		if body != nil {
			data, _ = json.Marshal(body)
		}
		req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.addr+path, bytes.NewReader(data))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+p.token)
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := p.http.Do(req)
		if err != nil {
			p.t.Fatalf("%s %s: %v", method, path, err)
		}
		answer, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			p.t.Fatalf("%s %s: %v", method, path, err)
		}
		if res.StatusCode != http.StatusTooManyRequests {
			return res.StatusCode, string(answer)
		}
		wait, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		time.Sleep(time.Duration(wait) * time.Second)
	}
}

// until waits for a state that is as wanted.
func (p *program) until(what string, ok func(visit.Snapshot) bool) visit.Snapshot {
	p.t.Helper()
	end := time.After(40 * time.Second)
	for {
		p.mu.Lock()
		n, text := p.state, p.text
		p.mu.Unlock()
		if ok(n) {
			return n
		}
		select {
		case <-p.news:
		case <-end:
			p.t.Fatalf("still not so: %s; the visit is %s", what, text[max(0, strings.Index(text, `"visit":`)):])
		}
	}
}

func stageOf(n visit.Snapshot) visit.Stage {
	if n.Visit == nil {
		return visit.StageIdle
	}
	return n.Visit.Stage
}

// begins scans a code and returns the visit that begins.
func (p *program) begins(code string) *visit.View {
	p.t.Helper()
	p.until("nobody is there, and the scanner is", func(n visit.Snapshot) bool {
		return n.Visit == nil && slices.ContainsFunc(n.Devices, func(d drivers.Status) bool { return d.Kind == "scanner" && d.State == drivers.Ready })
	})
	if err := p.scan.Type(p.t.Context(), code); err != nil {
		p.t.Fatal(err)
	}
	// The reader is shared by the counters of a bench, and pcscd sees 0.4 s late that the one before gave its card
	// back: until then a card without a code lies there.
	return p.until("a visit of the program's own", func(n visit.Snapshot) bool { return n.Visit != nil && n.Visit.ID != "" && !n.Visit.NeedsCAN }).Visit
}

func (p *program) verb(id, verb string, body any) {
	p.t.Helper()
	if status, answer := p.do("POST", "/v1/visits/"+id+"/"+verb, body); status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", verb, status, answer)
	}
}

// leads goes on until the visit is recorded or has failed.
func (p *program) leads(id string, card *sim.Card, given map[string]string) *visit.View {
	p.t.Helper()
	seen := visit.StageIdle
	for range 12 {
		n := p.until("a stage after "+string(seen), func(n visit.Snapshot) bool {
			return n.Visit == nil || !slices.Contains([]visit.Stage{visit.StageReading, visit.StageFace, seen}, n.Visit.Stage)
		})
		seen = stageOf(n)
		switch seen {
		case visit.StageConsent:
			p.verb(id, "consent", nil)
		case visit.StageCard:
			if card == nil {
				p.verb(id, "skip-chip", nil)
			} else {
				p.layCard(card)
			}
		case visit.StageAsk:
			p.verb(id, "answers", map[string]any{"answers": given})
		case visit.StageConfirm:
			// A counter that boards at a look confirms by itself, and may be quicker.
			if status, answer := p.do("POST", "/v1/visits/"+id+"/confirm", nil); status != http.StatusOK && status != http.StatusConflict {
				p.t.Fatalf("confirm: %d %s", status, answer)
			}
		case visit.StageRecorded, visit.StageFailed:
			return n.Visit
		default:
			p.t.Fatalf("the visit is gone at stage %q", seen)
		}
	}
	p.t.Fatal("the visit does not end")
	return nil
}

// gone checks that nothing of a visit's person is to be had any more.
func (p *program) gone(id string) {
	p.t.Helper()
	p.until("the visit has ended", func(n visit.Snapshot) bool { return n.Visit == nil || n.Visit.ID != id })
	for path, want := range map[string]int{"/v1/visits/" + id: 404, "/v1/result?visit=" + id: 404, "/v1/portrait?visit=" + id: 404, "/v1/state": 200} {
		status, body := p.do("GET", path, nil)
		if status != want {
			p.t.Errorf("GET %s after the visit: got %d, want %d", path, status, want)
		}
		for _, of := range personal(citizen) {
			if strings.Contains(body, of) {
				p.t.Errorf("GET %s after the visit still tells something of the person", path)
			}
		}
	}
}

func (p *program) cancels(id string) {
	p.t.Helper()
	p.verb(id, "cancel", nil)
	p.takeCard()
	p.gone(id)
}

// told is the last result event of a visit.
func (p *program) told(id string) (out map[string]any) {
	p.t.Helper()
	p.mu.Lock()
	text := p.results[id]
	p.mu.Unlock()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		p.t.Fatalf("no result was told of the visit: %q", text)
	}
	return out
}

// recorded plays one whole visit and checks what the program and the hub got.
func (p *program) recorded(card *sim.Card, given map[string]string, lead func(id string) *visit.View) {
	p.t.Helper()
	id := p.begins(citizen.QR2024()).ID
	if lead == nil {
		lead = func(id string) *visit.View { return p.leads(id, card, given) }
	}
	v := lead(id)
	if v.Stage != visit.StageRecorded || v.Record == nil {
		p.t.Fatalf("the visit ended %s: %+v", v.Stage, v.Failure)
	}
	n := p.until("delivered to the hub", func(n visit.Snapshot) bool {
		return slices.ContainsFunc(n.Recent, func(r visit.RecordView) bool { return r.Sequence == v.Record.Sequence && r.State == "delivered" })
	})
	result := p.told(id)
	if result["consentId"] == "" || result["assurance"] != v.Assurance || result["source"] != v.Source {
		p.t.Errorf("the result: consent %v, assurance %v, source %v; the visit's are %s, %s", result["consentId"], result["assurance"], result["source"], v.Assurance, v.Source)
	}
	for _, field := range visit.Fields {
		value, there := result[field]
		if keeps := slices.Contains(n.Profile.Keeps, field); !there || !keeps && value != "" {
			p.t.Errorf("the result's %s: there %v, kept %v, empty %v", field, there, keeps, value == "")
		}
	}
	verdicts, _ := result["verification"].(map[string]any)
	for _, name := range []string{"pa", "chain", "ca", "aa"} {
		if verdict, _ := verdicts[name].(string); verdict == "" || card != nil && name == "pa" && verdict != "ok" {
			p.t.Errorf("the result's verification of %s is %q", name, verdict)
		}
	}
	p.cancels(id)
}

// A hand is a clerk at the page beside the screen, by HTTP.
type hand struct {
	*page
}

func (c *stand) clerk() hand {
	c.t.Helper()
	t, ok := c.t.(*testing.T)
	if !ok {
		c.t.Fatal("no test")
	}
	h := hand{openAt(t, c.addr)}
	h.post("/v1/signin", fmt.Sprintf(`{"name":%q,"pin":%q}`, clerkName, clerkPIN), http.StatusOK)
	return h
}

func (h hand) post(path, body string, want int) {
	h.t.Helper()
	if status, answer := h.ask("POST", path, body, nil); status != want {
		h.t.Fatalf("POST %s: got %d %s, want %d", path, status, answer, want)
	}
}
