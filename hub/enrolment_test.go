package hub_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/ca"
	"tram/sync/enroll"
	"tram/sync/keys"
	"tram/sync/wire"
)

// overheard is what went over the enrolment endpoint.
type overheard struct {
	mu       sync.Mutex
	messages map[string][][]byte // by schema
}

func (o *overheard) note(schema string, b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages[schema] = append(o.messages[schema], b)
}

// listenTo wraps an endpoint.
func (o *overheard) listenTo(next http.Handler) http.Handler {
	requests := map[string]string{wire.EnrollPath: "enroll-request", wire.ConfirmPath: "enroll-request", wire.RenewPath: "renew-request"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		o.note(requests[r.URL.Path], body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		switch {
		case answer.Code != http.StatusOK:
			o.note("refusal", answer.Body.Bytes())
		case r.URL.Path != wire.ConfirmPath:
			o.note("enrollment", answer.Body.Bytes())
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a client that went away
	})
}

// TestRealEnrolmentsFitTheContract enrols, renews and is refused over HTTPS, and
// holds what went over the line against the schemas.
func TestRealEnrolmentsFitTheContract(t *testing.T) {
	s := contract(t)
	dir, state := t.TempDir(), t.TempDir()
	authority, err := ca.Open(ca.Folder(dir), ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hubKeys, err := hub.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := &overheard{messages: map[string][][]byte{}}
	// Not httptest's: it would put a certificate of its own before the authority's.
	config, err := authority.EndpointTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: o.listenTo(authority.Handler(ca.HandlerOptions{
		Devices: hub.NewDevices(dir), HubKeys: hubKeys.Public, Broker: func(string) string { return "ssl://broker.invalid:8883" },
	}))}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		_ = server.Close()
		<-served
	}()
	code, err := authority.NewCode("desk-1", "main", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Open("", keys.Options{State: state, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	clock := enroll.NewClock(state, time.Time{}, nil)
	options := enroll.Options{State: state, Hub: "https://" + l.Addr().String(), Code: code.Text(), Key: keys.DefaultReference, Signer: key, Clock: clock}
	if _, err := enroll.Enroll(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	if _, err := enroll.Enroll(t.Context(), options); err == nil {
		t.Error("a code was good twice")
	}
	renewer := enroll.NewRenewer(enroll.RenewerOptions{State: state, Clock: clock, Credentials: enroll.NewCredentials(state, key, clock, nil)})
	if err := renewer.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	for schema, want := range map[string]int{"enroll-request": 3, "enrollment": 2, "renew-request": 1, "refusal": 1} {
		if got := len(o.messages[schema]); got != want {
			t.Errorf("%d messages of %s, want %d", got, schema, want)
		}
		for _, b := range o.messages[schema] {
			s.check(schema, b)
		}
	}
	var renew wire.RenewRequest
	if err := json.Unmarshal(o.messages["renew-request"][0], &renew); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(renew.Signed, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	s.check("renewal", payload)
}
