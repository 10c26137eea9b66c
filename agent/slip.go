package agent

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html/template"
	"strconv"
	"time"

	"tram/agent/kiosk"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/drivers/printer"
)

// slipLine is one line of a verification slip.
type slipLine struct{ Label, Value string }

const slipTitle = "PHIẾU XÁC THỰC / VERIFICATION SLIP"

// verdicts are the chip's answers as a slip tells them.
var verdicts = map[string]string{
	"ok": "đạt / passed", "trusted": "tin cậy / trusted", "failed": "KHÔNG ĐẠT / FAILED", "unknown_ca": "không rõ cơ quan ký / issuer not known here",
	"expired": "hết hạn / expired", "revoked": "bị thu hồi / revoked", "not_supported": "chip không hỗ trợ / not supported by this chip", "not_done": "không thực hiện / not done", "": "không thực hiện / not done",
}

// slipLines say how an identity was verified: the chip's five answers, when, for
// which contract, and under which number the hub has it. They name nobody.
func (a *Agent) slipLines(r register.Row) []slipLine {
	verdict := func(id string) string { return cmp.Or(verdicts[r.Chip[id]], r.Chip[id]) }
	lines := []slipLine{
		{"Thiết bị / Device", a.config.Device.Site + " · " + a.config.Device.Name},
		{"Thời gian / Time", r.Time.In(register.Place).Format("02/01/2006 15:04:05 -07:00")},
	}
	if r.Unsynced {
		lines = append(lines, slipLine{"Đồng hồ / Clock", "chưa đồng bộ / not known to be right"})
	}
	answers := desk{a}.labels(r.Answers)
	for _, q := range a.profile.Questions {
		if answers[q.ID] != "" {
			lines = append(lines, slipLine{q.Label["vi"] + " / " + cmp.Or(q.Label["en"], q.ID), answers[q.ID]})
		}
	}
	lines = append(lines,
		slipLine{"Số hồ sơ / Record", strconv.FormatUint(r.Sequence, 10)},
		slipLine{"Mức tin cậy / Assurance", r.Assurance},
		slipLine{"1. Dữ liệu chưa bị sửa / Data intact", verdict("hashes")},
		slipLine{"2. Chữ ký / Signature", verdict("sodSignature")},
		slipLine{"3. Cơ quan ký / Issuer", verdict("chain")},
		slipLine{"4. Chip thật (CA) / Chip Authentication", verdict("chipAuthentication")},
		slipLine{"5. Chip thật (AA) / Active Authentication", verdict("activeAuthentication")},
	)
	if r.Face != "" {
		lines = append(lines, slipLine{"Khuôn mặt / Face", r.Face})
	}
	if len(r.Chip) == 0 {
		lines = append(lines, slipLine{"Lưu ý / Note", "chỉ đọc mã, chưa đọc chip / a code was read, and no chip"})
	}
	return lines
}

var slipPage = template.Must(template.New("slip").Parse(`<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body><h1>{{.Title}}</h1>
<table border="1" cellspacing="0" cellpadding="4"><tbody>{{range .Lines}}<tr><th scope="row" align="left">{{.Label}}</th><td>{{.Value}}</td></tr>
{{end}}</tbody></table></body></html>
`))

// slip is the verification slip of an entry as text or HTML.
func (d desk) slip(ctx context.Context, who, id, format string) (kiosk.File, error) {
	r, err := d.a.register.Entry(ctx, who, id, "slip")
	if err != nil {
		return kiosk.File{}, deskErr(err)
	}
	lines := d.a.slipLines(r)
	name := "phieu-xac-thuc-" + strconv.FormatUint(r.Sequence, 10)
	var b bytes.Buffer
	switch format {
	case "html":
		err = slipPage.Execute(&b, map[string]any{"Title": slipTitle, "Lines": lines})
		return kiosk.File{Name: name + ".html", Type: "text/html; charset=utf-8", Data: b.Bytes()}, err
	case "", "txt":
		fmt.Fprintf(&b, "%s\n\n", slipTitle)
		for _, l := range lines {
			fmt.Fprintf(&b, "%s: %s\n", l.Label, l.Value)
		}
		return kiosk.File{Name: name + ".txt", Type: "text/plain; charset=utf-8", Data: b.Bytes()}, nil
	}
	return kiosk.File{}, fmt.Errorf("%w: a slip comes as txt or html", kiosk.ErrBadField)
}

// slipPaper is the slip of a visit that was recorded, for the printer.
func (a *Agent) slipPaper(ctx context.Context, id string) (printer.Paper, error) {
	r, err := a.register.Entry(ctx, "tram", id, "slip")
	if err != nil {
		return printer.Paper{}, err
	}
	p := printer.Paper{Title: slipTitle}
	for _, l := range a.slipLines(r) {
		p.Lines = append(p.Lines, l.Label+": "+l.Value)
	}
	return p, nil
}

// givesSlips reports whether this counter's visits end with a slip.
func (a *Agent) givesSlips() bool {
	return a.profile.Ticket != nil && a.profile.Ticket.Kind == profile.TicketSlip
}

// ticketTime is a time as the code of a ticket says it, for a program.
func ticketTime(t time.Time) string { return t.In(register.Place).Format("2006-01-02T15:04-07:00") }

// clockTime is a time as papers at the place say it.
func clockTime(t time.Time) string { return t.In(register.Place).Format("15:04  02/01/2006") }
