package kiosk_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"tram/agent/visit"
)

// Requests that two readers of HTTP could cut in two different ways: what is
// hidden in one gets neither the session nor the data of the other.
func TestRequestsOfTwoMeaningsGetNothing(t *testing.T) {
	st := newStation()
	srv, _ := start(t, st)
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	cookie := "Cookie: " + openPage(t, srv).cookies() + "\r\n"
	host := "Host: " + srv.Addr() + "\r\n"
	origin := "Origin: http://" + srv.Addr() + "\r\n"
	hidden := "GET /v1/state HTTP/1.1\r\n" + host + "\r\n"
	post := "POST /v1/visits/v1/confirm HTTP/1.1\r\n" + host + origin
	for name, text := range map[string]string{
		"a length and chunks":         post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":                 post + cookie + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + hidden,
		"a length with a sign":        post + cookie + "Content-Length: +0\r\n\r\n" + hidden,
		"an unknown coding":           post + cookie + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks under another name":   post + cookie + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk of a wrong size":     "POST /v1/signout HTTP/1.1\r\n" + host + origin + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + hidden,
		"two hosts":                   "GET /v1/state HTTP/1.1\r\n" + host + "Host: evil.example\r\n" + cookie + "\r\n",
		"a host in the request line":  "GET http://evil.example/v1/state HTTP/1.1\r\n" + host + cookie + "\r\n",
		"no host":                     "GET /v1/state HTTP/1.1\r\n" + cookie + "\r\n",
		"HTTP/1.0 without a host":     "GET /v1/state HTTP/1.0\r\n" + cookie + "\r\n",
		"a line end inside a header":  "GET /v1/state HTTP/1.1\r\n" + host + "X: a\rHost: evil.example\r\n\r\n",
		"a zero byte in a header":     "GET /v1/state HTTP/1.1\r\n" + host + cookie + "X: \x00\r\n\r\n",
		"CONNECT":                     "CONNECT " + srv.Addr() + " HTTP/1.1\r\n" + host + cookie + "\r\n",
		"a path that is no path":      "GET v1/state HTTP/1.1\r\n" + host + cookie + "\r\n",
		"HTTP/2 without agreement":    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"an upgrade to plain HTTP/2":  "GET /v1/state HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
		"no HTTP at all":              strings.Repeat("\x16\x03\x01", 200) + "\r\n\r\n",
		"a token in the address":      "GET /v1/state?token=tram_x&access_token=tram_x HTTP/1.1\r\n" + host + "\r\n",
		"a hidden change of a method": "GET /v1/visits/v1/confirm HTTP/1.1\r\n" + host + origin + cookie + "X-HTTP-Method-Override: POST\r\n\r\n",
	} {
		c := dialTCP(t, srv)
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, text+"GET /v1/nothing HTTP/1.1\r\n"+host+"Connection: close\r\n\r\n")
		answer, _ := io.ReadAll(c)
		_ = c.Close()
		if strings.Contains(string(answer), personName) || strings.Contains(string(answer), " 200 OK") || strings.Contains(string(answer), " 101 ") || strings.Contains(string(answer), " 500 ") {
			t.Errorf("%s: got %.300q", name, answer)
		}
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}
