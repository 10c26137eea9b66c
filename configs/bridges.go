package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Bridge lets software that talks to a vendor's reader talk to this station.
type Bridge struct {
	Kind   string   `yaml:"kind"`
	Listen string   `yaml:"listen"` // all but hn212-webhook
	Hosts  []string `yaml:"hosts"`
	URL    string   `yaml:"url"`         // hn212-webhook
	Client string   `yaml:"client"`      // hn212-webhook: whose visits are told
	Secret string   `yaml:"secret-file"` // hn212-webhook: signs what is sent
}

// BridgeKinds are the values of kind.
var BridgeKinds = []string{"hn212-socket", "hn212-webhook", "card-result", "rar-rest"}

// webhookBridge is the one that connects to another program.
const webhookBridge = "hn212-webhook"

func (c Config) checkBridges(k *checker) {
	taken := map[string]string{}
	if c.Kiosk.Enabled {
		taken[c.Kiosk.Listen] = "kiosk.listen"
	}
	for i, b := range c.Bridges {
		at := fmt.Sprintf("bridges[%d]", i)
		switch {
		case !slices.Contains(BridgeKinds, b.Kind):
			k.wrong(at+".kind", fmt.Sprintf("%q is not a bridge", b.Kind), "use "+strings.Join(BridgeKinds, ", "))
		case b.Kind == webhookBridge:
			if err := CheckBridgeURL(b.URL); err != nil {
				k.wrong(at+".url", err.Error(), "write http://localhost:8050/ or an https address")
			}
			if b.Client == "" {
				k.wrong(at+".client", "is missing", "name the program of: tram token new NAME --scope bridge")
			}
			if b.Listen != "" || len(b.Hosts) > 0 {
				k.wrong(at+".listen", "means nothing for the webhook", "remove it: this bridge asks, and is not asked")
			}
		default:
			checkBridgeListen(k, at, b, taken)
		}
	}
}

func checkBridgeListen(k *checker, at string, b Bridge, taken map[string]string) {
	host, port, err := net.SplitHostPort(b.Listen)
	addr, ipErr := netip.ParseAddr(host)
	switch other := taken[b.Listen]; {
	case err != nil || !isPort(port):
		k.wrong(at+".listen", "is not an address and port", "write 127.0.0.1:8000")
	case host != "localhost" && (ipErr != nil || !addr.IsLoopback()):
		k.wrong(at+".listen", "is not on the loopback interface", "write 127.0.0.1:8000; for a program that knows another address see docs/bridges.md")
	case other != "":
		k.wrong(at+".listen", "is "+other+"'s already", "give each its own port")
	}
	taken[b.Listen] = at + ".listen"
	for i, h := range b.Hosts {
		if _, p, err := net.SplitHostPort(h); err != nil || !isPort(p) {
			k.wrong(fmt.Sprintf("%s.hosts[%d]", at, i), "is not a name and port", "write 192.168.5.1:8000")
		}
	}
	if b.URL != "" || b.Client != "" || b.Secret != "" {
		k.wrong(at+".url", "means something for "+webhookBridge+" alone", "remove url, client and secret-file")
	}
}

// CheckBridgeURL reports whether a person's data may be sent to an address: this
// machine, or elsewhere over https.
func CheckBridgeURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%q is no address such as http://localhost:8050/", text)
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("a person's data goes to this machine, or elsewhere over https: not to %s://%s", u.Scheme, u.Hostname())
	}
	return nil
}
