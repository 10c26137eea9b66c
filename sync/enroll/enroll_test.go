package enroll_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/sync/enroll"
	"tram/sync/wire"
)

// files returns the names in a state folder beside the keys and the lock.
func (d *device) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(d.state)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains([]string{"device.jwk", "device-enc.jwk", "enrolment.lock"}, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeviceEnrolsByItsCode(t *testing.T) {
	h := startHub(t, nil, nil)
	d := newDevice(t, nil)
	e, err := d.enroll(h.url, h.code(t, "desk-a"))
	if err != nil {
		t.Fatal(err)
	}
	if e.Device != "desk-a" || e.Site != "main" || e.Hub != h.url || e.Broker != "ssl://127.0.0.1:8883" {
		t.Errorf("enrolled as %+v", e)
	}
	loaded, err := enroll.Load(d.state)
	if err != nil || loaded.Device != "desk-a" || loaded.Key != "file:device.jwk" {
		t.Errorf("Load = %+v, %v", loaded, err)
	}
	if got, want := d.files(t), []string{"device.crt", "enrolment.json", "hub-ca.crt", "hub.pub.jwk", "time-floor.json"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if _, err := h.devices.Box("desk-a"); err != nil {
		t.Errorf("the hub has no key to encrypt to the device: %v", err)
	}
}

func TestRefusedEnrolmentLeavesNothing(t *testing.T) {
	h := startHub(t, nil, nil)
	other := startHub(t, nil, nil)
	used := h.code(t, "desk-used")
	if _, err := newDevice(t, nil).enroll(h.url, used); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "https://" + closed.Addr().String()
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	foreign := httptest.NewTLSServer(http.NotFoundHandler())
	defer foreign.Close()
	for _, tc := range []struct {
		name, url, code string
		want            error
	}{
		{"a used code", h.url, used, enroll.ErrRefused},
		{"another hub's code", h.url, other.code(t, "desk-a"), enroll.ErrWrongHub},
		{"a mistyped code", h.url, "AAAA-BBBB", wire.ErrCode},
		{"http", "http://" + strings.TrimPrefix(h.url, "https://"), h.code(t, "desk-a"), enroll.ErrURL},
		{"no hub", gone, h.code(t, "desk-a"), enroll.ErrNotThere},
		{"a server without TLS", "https://" + strings.TrimPrefix(plain.URL, "http://"), h.code(t, "desk-a"), enroll.ErrWrongHub},
		{"a server of somebody else", foreign.URL, h.code(t, "desk-a"), enroll.ErrWrongHub},
	} {
		d := newDevice(t, nil)
		if _, err := d.enroll(tc.url, tc.code); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
		if got := d.files(t); len(got) > 0 {
			t.Errorf("%s leaves %v", tc.name, got)
		}
		if _, err := enroll.Load(d.state); !errors.Is(err, enroll.ErrNotEnrolled) {
			t.Errorf("%s: Load: %v, want ErrNotEnrolled", tc.name, err)
		}
	}
}

func TestBrokersCertificateDoesNotMakeAHub(t *testing.T) {
	h := startHub(t, nil, nil)
	config, err := h.BrokerTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	config.ClientAuth = tls.NoClientCert
	config.VerifyConnection = nil
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = tls.NewListener(server.Listener, config)
	server.Start()
	defer server.Close()
	if _, err := newDevice(t, nil).enroll("https://"+server.Listener.Addr().String(), h.code(t, "desk-a")); !errors.Is(err, enroll.ErrWrongHub) {
		t.Errorf("error %v, want ErrWrongHub", err)
	}
}

func TestEnrollingAgainKeepsTheKeyAndAnotherNameIsRefused(t *testing.T) {
	h := startHub(t, nil, nil)
	d := newDevice(t, nil)
	if _, err := d.enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	key, first := read(t, d.state, "device.jwk"), read(t, d.state, "device.crt")
	code := h.code(t, "desk-b")
	if _, err := d.enroll(h.url, code); !errors.Is(err, enroll.ErrOtherDevice) {
		t.Errorf("a code for another name: error %v, want ErrOtherDevice", err)
	}
	if got := read(t, d.state, "device.crt"); got != first {
		t.Error("a refused enrolment changed the certificate")
	}
	if _, err := newDevice(t, nil).enroll(h.url, code); err != nil {
		t.Errorf("the other device's code after that: %v, want it unused", err)
	}
	if _, err := d.enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	if read(t, d.state, "device.jwk") != key || read(t, d.state, "device.crt.prev") != first || read(t, d.state, "device.crt") == first {
		t.Error("enrolling again wants the same key, a new certificate, the old one beside it")
	}
	records := newDevice(t, nil)
	_, err := enroll.Enroll(context.Background(), enroll.Options{State: records.state, Hub: h.url, Code: h.code(t, "desk-c"), Signer: records.key, Clock: records.clock, Owner: "desk-x"})
	if !errors.Is(err, enroll.ErrOtherDevice) {
		t.Errorf("with records of another device: error %v, want ErrOtherDevice", err)
	}
}

func TestSecondDeviceWithTheSameNameIsRefused(t *testing.T) {
	h := startHub(t, nil, nil)
	if _, err := newDevice(t, nil).enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	_, err := newDevice(t, nil).enroll(h.url, h.code(t, "desk-a"))
	var refused *enroll.Refusal
	if !errors.As(err, &refused) || refused.Reason != wire.RefusedTaken {
		t.Errorf("error %v, want the refusal %q", err, wire.RefusedTaken)
	}
}

func TestLostAnswerIsAskedForAgainWithTheSameCode(t *testing.T) {
	lose := true
	h := startHub(t, nil, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !lose {
				next.ServeHTTP(w, r)
				return
			}
			lose = false
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	})
	d, code := newDevice(t, nil), h.code(t, "desk-a")
	if _, err := d.enroll(h.url, code); !errors.Is(err, enroll.ErrNotThere) {
		t.Errorf("with the answer lost: error %v, want ErrNotThere", err)
	}
	if _, err := d.enroll(h.url, code); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := d.enroll(h.url, code); !errors.Is(err, enroll.ErrRefused) {
		t.Errorf("when it had arrived: error %v, want ErrRefused", err)
	}
}

func TestHalfWrittenEnrolmentIsFinishedByLoad(t *testing.T) {
	h := startHub(t, nil, nil)
	d := newDevice(t, nil)
	if _, err := d.enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	var e map[string]any
	if err := json.Unmarshal([]byte(read(t, d.state, enroll.File)), &e); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{enroll.CertFile, enroll.CAFile, enroll.KeysFile} {
		want[name] = read(t, d.state, name)
		if err := os.Remove(filepath.Join(d.state, name)); err != nil {
			t.Fatal(err)
		}
	}
	e["pending"] = want // as after a power cut between the first write and the others
	b, _ := json.Marshal(e)
	if err := os.WriteFile(filepath.Join(d.state, enroll.File), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := enroll.Load(d.state); err != nil {
		t.Fatal(err)
	}
	for name, content := range want {
		if read(t, d.state, name) != content {
			t.Errorf("%s is not what was enrolled", name)
		}
	}
	if strings.Contains(read(t, d.state, enroll.File), "pending") {
		t.Error("the enrolment still says that something is pending")
	}
}

func TestAnswerForAnotherKeyIsNotTaken(t *testing.T) {
	var other string
	h := startHub(t, nil, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			body := rec.Body.Bytes()
			var answer wire.Enrollment
			if json.Unmarshal(body, &answer) == nil && answer.Certificate != "" {
				if other == "" {
					other = answer.Certificate
				}
				answer.Certificate = other
				body, _ = json.Marshal(answer)
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(body)
		})
	})
	if _, err := newDevice(t, nil).enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, nil)
	if _, err := d.enroll(h.url, h.code(t, "desk-b")); !errors.Is(err, enroll.ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
	if got := d.files(t); len(got) > 0 {
		t.Errorf("it leaves %v", got)
	}
}

func TestClockOf1970EnrolsAndConnects(t *testing.T) {
	h := startHub(t, nil, nil)
	wrong := func() time.Time { return time.Unix(1000, 0) }
	d := newDevice(t, wrong)
	if _, err := d.enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	again := enroll.NewClock(d.state, time.Time{}, wrong) // after a restart
	if !again.Behind() || time.Since(again.Now()) > time.Minute {
		t.Errorf("the clock of certificates stands at %v, want about now", again.Now())
	}
	d.clock = again
	addr := startTLS(t, h)
	config, err := d.credentials().TLS()
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(addr, config); err != nil {
		t.Errorf("connect: %v", err)
	}
}

// startTLS is a broker's TLS: it says one byte to whom it takes.
func startTLS(t *testing.T, h *hubSide) string {
	t.Helper()
	config, err := h.BrokerTLS("localhost")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = conn.Write([]byte{1})
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"v":1,"device":"a","site":"b","hub":"https://h","broker":"ssl://b","pending":{"device.crt":"x"}}`))
	f.Add([]byte(`{"v":1,"device":"a","site":"b","pending":{"../../etc/passwd":"x"}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, enroll.File), b, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := enroll.Load(dir)
		if err == nil && (wire.CheckName(e.Device) != nil || len(e.Pending) > 0) {
			t.Errorf("loaded %q with %d files pending", e.Device, len(e.Pending))
		}
	})
}
