package keep

import (
	"bytes"
	"image"
	_ "image/jpeg" // the heads of pictures
	_ "image/png"
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
	// MaxPictureSide is the most pixels of such a picture in a row or a column.
	MaxPictureSide = 4096
	maxSeconds     = 300
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

// picture reads the head; the camera worker alone decodes the rest.
func picture(b []byte) bool {
	head, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || kind != "jpeg" && kind != "png" {
		return false
	}
	return head.Width > 0 && head.Height > 0 && head.Width <= MaxPictureSide && head.Height <= MaxPictureSide
}

// Shown reports whether a notice is to be shown at a time. Its end counts always.
// With known false the device's clock is known to be wrong, and a start is not
// waited for: the hub sent the notice, and nothing may be withheld by a clock that
// stands in the past.
func (n Notice) Shown(now time.Time, known bool) bool {
	over := !n.End.IsZero() && !now.Before(n.End)
	return !over && (!known || !now.Before(n.Start))
}

// Notices are all the notices that the hub sent, those that are over too.
func (s *Store) Notices() ([]Notice, error) { return load[Notice](s, Notices) }
