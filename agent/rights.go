package agent

import (
	"context"
	"regexp"
	"strings"

	"tram/agent/kiosk"
)

var _ kiosk.Rights = desk{}

// documentNumber is a number that an entry may be found by.
var documentNumber = regexp.MustCompile(`^[0-9A-Z]{5,20}$`)

func (d desk) Find(ctx context.Context, who, number, reason string) ([]kiosk.Row, error) {
	if err := d.keeps(); err != nil {
		return nil, err
	}
	number = strings.ToUpper(strings.Join(strings.Fields(number), ""))
	if !documentNumber.MatchString(number) {
		return nil, kiosk.ErrBadField
	}
	return d.rows(d.a.register.Find(ctx, who, number, reason))
}

func (d desk) Copy(ctx context.Context, who, id, reason string) (any, error) {
	if err := d.keeps(); err != nil {
		return nil, err
	}
	all, err := d.a.register.Export(ctx, who, id, reason)
	return all, deskErr(err)
}

func (d desk) Correct(ctx context.Context, who, id string, fields map[string]string, reason string) error {
	if err := d.keeps(); err != nil {
		return err
	}
	if len(fields) == 0 {
		return kiosk.ErrBadField
	}
	return deskErr(d.a.register.Correct(ctx, who, id, fields, reason))
}

func (d desk) Delete(ctx context.Context, who, id, reason string) error {
	if err := d.keeps(); err != nil {
		return err
	}
	return deskErr(d.a.register.Delete(ctx, who, id, reason))
}

func (d desk) Hold(ctx context.Context, who, id, reason string) error {
	if err := d.keeps(); err != nil {
		return err
	}
	return deskErr(d.a.register.Hold(ctx, who, id, reason))
}

func (d desk) Release(ctx context.Context, who, id, reason string) error {
	if err := d.keeps(); err != nil {
		return err
	}
	return deskErr(d.a.register.Release(ctx, who, id, reason))
}

func (d desk) AddRequest(ctx context.Context, who string, r kiosk.NewRequest) (kiosk.Request, error) {
	q, err := d.a.register.AddRequest(ctx, who, r.Kind, r.Entry, r.Reason)
	return request(q), deskErr(err)
}

func (d desk) SetRequest(ctx context.Context, who, id, state, reason string) error {
	return deskErr(d.a.register.SetRequest(ctx, who, id, state, reason))
}
