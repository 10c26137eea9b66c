package spec

import (
	"regexp"
	"strings"
)

var (
	address  = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://\S+`)
	hostPort = regexp.MustCompile(`^(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$`)
	values   = regexp.MustCompile(`=[^&/;]+`)
	loose    = regexp.MustCompile(`[^\s/]+:[^\s/]+@\S*`) // "user:password@host" in what is no address
)

const hidden = "***"

// Public is text without the passwords that addresses in it may hold: in the part
// before the host, in the query, and in values of the path, as some recorders
// want them ("/user=admin&password=…"). What cannot be told from a password goes, too.
func Public(text string) string {
	text = address.ReplaceAllStringFunc(text, publicAddress)
	if strings.Contains(text, "://") {
		return text
	}
	return loose.ReplaceAllString(text, hidden)
}

func publicAddress(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	whole := rest
	rest = strings.TrimRight(rest, `:,;.)"'`)
	end := whole[len(rest):]
	scheme += "://"
	host, tail := cutHost(rest)
	if hostPort.MatchString(host) {
		return scheme + host + publicPath(tail) + end
	}
	for i, c := range rest {
		if c != '@' {
			continue
		}
		host, tail := cutHost(rest[i+1:])
		if hostPort.MatchString(host) {
			if strings.Contains(tail, "@") {
				break // this may be the host, or still the password
			}
			return scheme + hidden + "@" + host + publicPath(tail) + end
		}
	}
	return scheme + hidden + end
}

// cutHost cuts before the path, query or fragment.
func cutHost(rest string) (host, tail string) {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

func publicPath(tail string) string {
	if strings.Contains(tail, "@") {
		return "/" + hidden
	}
	path := tail
	if i := strings.IndexAny(tail, "?#"); i >= 0 {
		path, tail = tail[:i], tail[i:i+1]+hidden
	} else {
		tail = ""
	}
	return values.ReplaceAllString(path, "="+hidden) + tail
}
