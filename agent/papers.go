package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"tram/agent/kiosk"
	"tram/agent/lodging"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/configs"
)

// columnsFile is the operator's own paper, in the state folder.
const columnsFile = "columns.yaml"

// Papers makes the papers of a register, for the clerk's page and the command line.
type Papers struct {
	Register  *register.Register
	State     string             // folder, where the operator's own columns are
	Site      string             // stands above a paper
	Questions []profile.Question // whose chosen answers are written in words; may be empty
	Remote    bool               // foreigners have 24 hours here
}

func (a *Agent) papers() Papers {
	return Papers{Register: a.register, State: a.config.StateDir(), Site: a.config.Device.Site, Questions: a.profile.Questions, Remote: a.config.Register.Remote}
}

// Make makes a paper of a day, or of a trip's passengers.
func (p Papers) Make(ctx context.Context, who string, f kiosk.Form) (kiosk.File, error) {
	known := map[string]string{
		"dd10": "dd10", "na17": "na17", "qd4750": "qd4750", "passengers": "passengers",
		"columns": filepath.Join(p.State, columnsFile),
	}
	form, err := lodging.LoadForm(cmp.Or(known[f.Name], "none"))
	if errors.Is(err, fs.ErrNotExist) {
		return kiosk.File{}, fmt.Errorf("%w: there is no %s in the state folder", register.ErrBad, columnsFile)
	}
	if problems := (configs.Problems)(nil); errors.As(err, &problems) {
		return kiosk.File{}, fmt.Errorf("%w: %w", register.ErrBad, problems)
	}
	if err != nil {
		return kiosk.File{}, err
	}
	list, heading, suffix, err := p.entries(ctx, who, f)
	if err != nil {
		return kiosk.File{}, err
	}
	guests := make([]lodging.Guest, len(list))
	for i, r := range list {
		guests[i] = lodging.Guest{Arrived: r.Time, Person: r.Person, Answers: p.labels(r.Answers)}
		if r.Closed != nil {
			guests[i].Left = *r.Closed
		}
		if r.Unsynced {
			guests[i].Note = "đồng hồ chưa đồng bộ"
		}
	}
	file, err := form.Write(f.Format, heading, suffix, guests)
	return kiosk.File(file), err
}

// entries are those that stand on a paper, what stands above it, and how its
// file's name ends.
func (p Papers) entries(ctx context.Context, who string, f kiosk.Form) (list []register.Row, heading, suffix string, err error) {
	if f.Trip != "" {
		t, err := p.Register.Trip(f.Trip)
		if err != nil {
			return nil, "", "", err
		}
		above := []string{p.Site, t.Route, t.Vehicle}
		at := t.Opened
		if !t.Departs.IsZero() {
			at = t.Departs
		}
		above = append(above, at.In(register.Place).Format("15:04 02/01/2006"))
		list, err = p.Register.Passengers(ctx, who, t.ID)
		return list, joined(above), at.In(register.Place).Format("20060102-1504"), err
	}
	at := time.Now()
	if f.Day != "" {
		if at, err = time.ParseInLocation(time.DateOnly, f.Day, register.Place); err != nil {
			return nil, "", "", fmt.Errorf("%w: a day is written 2026-03-02", register.ErrBad)
		}
	}
	list, err = p.Register.Day(ctx, who, at)
	day := at.In(register.Place).Format(time.DateOnly)
	return list, joined([]string{p.Site, day}), day, err
}

// joined leaves out what is empty.
func joined(parts []string) string {
	var given []string
	for _, part := range parts {
		if part != "" {
			given = append(given, part)
		}
	}
	return strings.Join(given, " · ")
}

// labels replaces the ids of chosen options by what people read.
func (p Papers) labels(answers map[string]string) map[string]string {
	out := maps.Clone(answers)
	for _, q := range p.Questions {
		for _, o := range q.Options {
			if out[q.ID] == o.ID {
				out[q.ID] = o.Label["vi"]
			}
		}
	}
	return out
}
