package configs

import (
	"strings"
	"testing"
)

func TestAPersonsDataGoesToThisMachineOrOverHTTPS(t *testing.T) {
	for url, ok := range map[string]bool{
		"http://localhost:8050/": true, "http://127.0.0.1:8050/x": true, "http://[::1]:8050/": true, "https://his.example/in": true,
		"http://his.example/": false, "http://localhost.evil.example/": false, "http://user:pw@localhost/": false, "ftp://localhost/": false, "": false, "localhost:8050": false, "http://127.0.0.1.nip.io/": false,
	} {
		if err := CheckBridgeURL(url); (err == nil) != ok {
			t.Errorf("%s: got %v, want ok %v", url, err, ok)
		}
	}
}

func TestBridgesAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"- {kind: hn212-socket, listen: 127.0.0.1:8000, hosts: [192.168.5.1:8000]}":                 "",
		"- {kind: hn212-webhook, url: http://localhost:8050/, client: his}":                         "",
		"- {kind: nosuch, listen: 127.0.0.1:8000}":                                                  "bridges[0].kind",
		"- {kind: card-result, listen: 0.0.0.0:8000}":                                               "bridges[0].listen",
		"- {kind: card-result, listen: 127.0.0.1:8600}":                                             "bridges[0].listen",
		"- {kind: card-result, listen: 127.0.0.1:8000}\n- {kind: rar-rest, listen: 127.0.0.1:8000}": "bridges[1].listen",
		"- {kind: rar-rest, listen: 127.0.0.1:8000, client: his}":                                   "bridges[0].url",
		"- {kind: rar-rest, listen: 127.0.0.1:8000, hosts: [reader]}":                               "bridges[0].hosts[0]",
		"- {kind: hn212-webhook, url: http://his.example/, client: his}":                            "bridges[0].url",
		"- {kind: hn212-webhook, url: http://localhost:8050/}":                                      "bridges[0].client",
		"- {kind: hn212-webhook, url: http://localhost:8050/, client: his, listen: 127.0.0.1:8000}": "bridges[0].listen",
	} {
		_, err := Default().Overlay("device.yaml", []byte("bridges:\n"+text+"\n"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want+":") {
			t.Errorf("%s: got %v, want a problem with %q", text, err, want)
		}
	}
}
