package agent

import (
	"context"
	"slices"
	"time"

	"tram/agent/kiosk"
	"tram/agent/lodging"
	"tram/agent/register"
)

var (
	_ kiosk.Guarding = desk{}
	_ kiosk.Counting = desk{}
)

// named reports whether the profile's register keeps names.
func (d desk) named() bool {
	r := d.a.profile.Register
	return r != nil && slices.Contains(r.Keeps, "personName")
}

// Evacuation is who is inside: with names where the profile keeps passages and
// names, and in numbers alone where it does not, or where people are counted.
func (d desk) Evacuation(ctx context.Context, who string) (kiosk.Evacuation, error) {
	out := kiosk.Evacuation{At: time.Now(), Rows: []kiosk.Row{}, Minutes: []kiosk.Minute{}}
	if !d.a.keepsPassages() {
		t := d.a.gateTally()
		if t == nil {
			return out, kiosk.ErrNotKept
		}
		out.Inside, out.In, out.Out = t.Inside, t.In, t.Out
		return out, nil
	}
	t, minutes, err := d.a.register.Tally()
	if err != nil {
		return out, deskErr(err)
	}
	out.Inside, out.In, out.Out, out.Names = t.Inside, t.In, t.Out, d.named()
	for _, m := range minutes {
		out.Minutes = append(out.Minutes, kiosk.Minute(m))
	}
	if !out.Names {
		return out, nil
	}
	out.Rows, err = d.rows(d.a.register.Inside(ctx, who))
	return out, err
}

// evacuationPaper is the list to take along, by when people came.
func (d desk) evacuationPaper(ctx context.Context, who, format string) (kiosk.File, error) {
	if !d.a.keepsPassages() || !d.named() {
		return kiosk.File{}, kiosk.ErrNotKept
	}
	form, err := lodging.LoadForm("evacuation")
	if err != nil {
		return kiosk.File{}, err
	}
	list, err := d.a.register.Inside(ctx, who)
	if err != nil {
		return kiosk.File{}, deskErr(err)
	}
	slices.Reverse(list)
	guests := make([]lodging.Guest, len(list))
	for i, r := range list {
		guests[i] = lodging.Guest{Arrived: r.Time, Person: r.Person, Answers: r.Answers, Note: map[string]string{"unknown": "chưa rõ đã qua cổng / passage not seen"}[r.Passage]}
	}
	now := time.Now().In(register.Place)
	file, err := form.Write(format, d.a.config.Device.Site+" · "+now.Format("15:04 02/01/2006"), now.Format("20060102-1504"), guests)
	return kiosk.File(file), deskErr(err)
}

// Aggregate counts the stays that are kept; small cells are withheld.
func (d desk) Aggregate(ctx context.Context, who string) (any, error) {
	if err := d.keeps("stays"); err != nil {
		return nil, err
	}
	a, err := d.a.register.Aggregate(ctx, who)
	return a, deskErr(err)
}
