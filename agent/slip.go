package agent

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"tram/agent/kiosk"
	"tram/agent/paper"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/drivers/printer"
)

const slipTitle = "PHIẾU XÁC THỰC / VERIFICATION SLIP"

// verdicts are the chip's answers as a slip tells them.
var verdicts = map[string]string{
	"ok": "đạt / passed", "trusted": "tin cậy / trusted", "failed": "KHÔNG ĐẠT / FAILED", "unknown_ca": "không rõ cơ quan ký / issuer not known here",
	"expired": "hết hạn / expired", "revoked": "bị thu hồi / revoked", "not_supported": "chip không hỗ trợ / not supported by this chip", "not_done": "không thực hiện / not done", "": "không thực hiện / not done",
}

// slipLines say how an identity was verified: the chip's five answers, when, for
// which contract, and under which number the hub has it. They name nobody.
func (a *Agent) slipLines(r register.Row) []paper.Line {
	verdict := func(id string) string { return cmp.Or(verdicts[r.Chip[id]], r.Chip[id]) }
	lines := []paper.Line{
		{Label: "Thiết bị / Device", Value: a.config.Device.Site + " · " + a.config.Device.Name},
		{Label: "Thời gian / Time", Value: r.Time.In(register.Place).Format("02/01/2006 15:04:05 -07:00")},
	}
	if r.Unsynced {
		lines = append(lines, paper.Line{Label: "Đồng hồ / Clock", Value: "chưa đồng bộ / not known to be right"})
	}
	answers := a.papers().labels(r.Answers)
	for _, q := range a.profile.Questions {
		if answers[q.ID] != "" {
			lines = append(lines, paper.Line{Label: q.Label["vi"] + " / " + cmp.Or(q.Label["en"], q.ID), Value: answers[q.ID]})
		}
	}
	lines = append(lines,
		paper.Line{Label: "Số hồ sơ / Record", Value: strconv.FormatUint(r.Sequence, 10)},
		paper.Line{Label: "Mức tin cậy / Assurance", Value: r.Assurance},
		paper.Line{Label: "1. Dữ liệu chưa bị sửa / Data intact", Value: verdict("hashes")},
		paper.Line{Label: "2. Chữ ký / Signature", Value: verdict("sodSignature")},
		paper.Line{Label: "3. Cơ quan ký / Issuer", Value: verdict("chain")},
		paper.Line{Label: "4. Chip thật (CA) / Chip Authentication", Value: verdict("chipAuthentication")},
		paper.Line{Label: "5. Chip thật (AA) / Active Authentication", Value: verdict("activeAuthentication")},
	)
	if r.Face != "" {
		lines = append(lines, paper.Line{Label: "Khuôn mặt / Face", Value: r.Face})
	}
	if len(r.Chip) == 0 {
		lines = append(lines, paper.Line{Label: "Lưu ý / Note", Value: "chỉ đọc mã, chưa đọc chip / a code was read, and no chip"})
	}
	return lines
}

// slip is the verification slip of an entry as text or HTML.
func (d desk) slip(ctx context.Context, who, id, format string) (kiosk.File, error) {
	r, err := d.a.register.Entry(ctx, who, id, "slip")
	if err != nil {
		return kiosk.File{}, deskErr(err)
	}
	lines := d.a.slipLines(r)
	name := "phieu-xac-thuc-" + strconv.FormatUint(r.Sequence, 10)
	switch format {
	case "html":
		data, err := paper.List(slipTitle, lines)
		return kiosk.File{Name: name + ".html", Type: "text/html; charset=utf-8", Data: data}, err
	case "", "txt":
		var b bytes.Buffer
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
