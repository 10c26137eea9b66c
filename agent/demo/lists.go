package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"tram/agent"
	"tram/agent/profile"
	"tram/drivers/sim"
)

// clerkName is the demo's clerk, who looks at a face where the machine may not decide.
const clerkName = "demo"

// What the hub tells everybody who passes the demo's desk.
const demoNotices = `{"version":1,"entries":[
{"id":"report-crime","kind":"contact","title":{"vi":"Tố giác tội phạm","en":"Report a crime"},"text":{"vi":"Quét mã hoặc gọi 113. Người báo tin được giữ kín.","en":"Scan the code or call 113. Your name is kept secret."},"qr":"https://example.vn/to-giac","phone":"113","seconds":10},
{"id":"fraud","kind":"warning","text":{"vi":"Công an chẳng bao giờ làm việc qua điện thoại hay đòi chuyển tiền.","en":"The police never work by telephone and never ask for money."},"seconds":8}]}`

// registerKind is the kind of list that this counter keeps.
func (d *Desk) registerKind() profile.RegisterKind {
	p, err := profile.Load(cmp.Or(d.opt.Profile, DefaultProfile))
	if err != nil || p.Register == nil { // the daemon has said so
		return ""
	}
	return p.Register.Kind
}

// wanted is the list that nobody is served without, "" for none.
func (d *Desk) wanted() string {
	switch d.registerKind() {
	case profile.RegisterPassages:
		return "allow-list"
	case profile.RegisterRoster:
		return "roster"
	}
	return ""
}

// orderLists has the hub send what its operator would: notices, and who may pass or
// be admitted. The device takes them as soon as it is connected.
func (d *Desk) orderLists(ctx context.Context) error {
	if err := d.hub.order(ctx, "command", deviceName, "notice", "--data", demoNotices); err != nil {
		return err
	}
	people := append(others(), sim.DefaultCitizen())
	switch d.wanted() {
	case "allow-list":
		var text bytes.Buffer
		lines := csv.NewWriter(&text)
		_ = lines.Write([]string{"number", "group"}) // into memory
		for _, c := range people {
			_ = lines.Write([]string{c.IDCode, "Ca 1"})
		}
		lines.Flush()
		if err := os.WriteFile(d.path("people.csv"), text.Bytes(), 0o600); err != nil {
			return fmt.Errorf("write who may pass: %w", err)
		}
		return d.hub.order(ctx, "allow-list", deviceName, d.path("people.csv"), "--rounds", "1000")
	case "roster":
		list := make([]map[string]string, len(people))
		for i, c := range people {
			list[i] = map[string]string{"idCode": c.IDCode, "personName": c.PersonName, "dateOfBirth": c.DateOfBirth, "room": "P.101", "seat": fmt.Sprint(i + 1)}
		}
		raw, err := json.Marshal(map[string]any{"version": 1, "entries": list})
		if err != nil {
			return fmt.Errorf("make the roster: %w", err)
		}
		return d.hub.order(ctx, "command", deviceName, "roster", "--data", string(raw))
	}
	return nil
}

// order runs one of the hub's commands for its operator.
func (h *hubProcess) order(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, h.program, append(args, "--data", h.dir)...).CombinedOutput()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // and not that the program was killed
		}
		return fmt.Errorf("order %s at the hub: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// takeLists waits for the list that nobody is served without.
func (p *play) takeLists(ctx context.Context) (string, error) {
	name := p.d.wanted()
	clock := time.NewTicker(5 * time.Millisecond)
	defer clock.Stop()
	for {
		var s agent.Status
		err := p.d.client.GetJSON(ctx, "/v1/status", &s)
		if err == nil && s.Lists[name] > 0 {
			return name + " of the hub: four people", nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the %s: %w", name, ctx.Err())
		case <-clock.C:
		}
	}
}

// walk goes through the gate whenever it opens, until ctx ends.
func (d *Desk) walk(ctx context.Context) {
	was := false
	for {
		on, _, _, changed := d.board.State(1)
		if on && !was {
			if err := d.board.Sense(eitherWay); err != nil {
				d.opt.Log.Warn("nobody goes through the virtual gate", "err", err)
			}
		}
		was = on
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// eitherWay is the input of the board for a passage whose way the sensor does not see.
const eitherWay = 1
