package keep

import (
	"bytes"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of notices.
const (
	maxNotices     = 50
	maxNoticeBytes = 1000
	maxTitleBytes  = 120
	maxLinkBytes   = 500
	// MaxPicture is the largest picture of a notice, in bytes; it comes in one command.
	MaxPicture = 96 << 10
	maxSeconds = 300
)

// Notice is something for the idle screen: a text, and with it a picture, a code
// to scan and a number to call.
type Notice struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"` // "info", "warning", "contact"
	Title   map[string]string `json:"title,omitempty"`
	Text    map[string]string `json:"text"`              // by language: "vi", "en"
	Picture []byte            `json:"picture,omitempty"` // JPEG or PNG
	QR      string            `json:"qr,omitempty"`      // what the code says; it is drawn here
	Phone   string            `json:"phone,omitempty"`
	Seconds int               `json:"seconds,omitempty"` // how long it stands before the next; 0: as the screen likes
	Start   time.Time         `json:"start,omitzero"`
	End     time.Time         `json:"end,omitzero"`
}

var phone = regexp.MustCompile(`^\+?[0-9][0-9 .()-]{1,22}$`)

func (n Notice) ok() bool {
	if !plainID.MatchString(n.ID) || n.Text["vi"] == "" || n.Kind != "info" && n.Kind != "warning" && n.Kind != "contact" {
		return false
	}
	for texts, limit := range map[*map[string]string]int{&n.Text: maxNoticeBytes, &n.Title: maxTitleBytes} {
		for lang, text := range *texts {
			if !language.MatchString(lang) || len(text) > limit || !utf8.ValidString(text) {
				return false
			}
		}
	}
	printable := utf8.ValidString(n.QR) && !strings.ContainsFunc(n.QR, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case len(n.QR) > maxLinkBytes || !printable, n.Phone != "" && !phone.MatchString(n.Phone), n.Seconds < 0 || n.Seconds > maxSeconds:
		return false
	case len(n.Picture) > 0 && (len(n.Picture) > MaxPicture || !picture(n.Picture)):
		return false
	}
	return n.End.IsZero() || n.End.After(n.Start)
}

// picture looks at the first bytes; the camera worker alone decodes the rest.
func picture(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) || bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n"))
}

// Notices are the notices that are to be shown at a time. With clock false the
// device does not know the time: then all are shown, since none may be withheld
// by a clock that is wrong.
func (s *Store) Notices(now time.Time, clock bool) ([]Notice, error) {
	all, err := s.allNotices()
	var list []Notice
	for _, n := range all {
		begun, over := !now.Before(n.Start), !n.End.IsZero() && !now.Before(n.End)
		if !clock || begun && !over {
			list = append(list, n)
		}
	}
	return list, err
}

// allNotices reads the notices once: a screen asks for them at each change.
func (s *Store) allNotices() ([]Notice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notices != nil {
		return *s.notices, nil
	}
	all, err := loadLocked[Notice](s, Notices)
	if err == nil {
		s.notices = &all
	}
	return all, err
}
