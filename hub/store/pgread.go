package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tram/sync/wire"
)

// Report implements Store.
func (s *Postgres) Report(ctx context.Context) ([]Device, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT d.device, d.state,
		  (SELECT count(*) FROM tram_hub.asides a WHERE a.device = d.device),
		  (SELECT count(*) FROM tram_hub.commands c WHERE c.device = d.device AND c.answered IS NULL)
		FROM tram_hub.devices d ORDER BY d.device COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	list := []Device{}
	var name string
	var raw []byte
	var rejected, commands int64
	_, err = pgx.ForEachRow(rows, []any{&name, &raw, &rejected, &commands}, func() error {
		var d deviceState
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("what is known of device %s: %w", name, err)
		}
		out := d.report(name)
		out.Rejected, out.Commands = uint64(rejected), uint64(commands)
		list = append(list, out)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return list, nil
}

// Records implements Store.
func (s *Postgres) Records(ctx context.Context, device string, each func(Record) error) error {
	names := []string{device}
	if device == "" {
		rows, err := s.pool.Query(ctx, `SELECT device FROM tram_hub.devices ORDER BY device COLLATE "C"`)
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			return fmt.Errorf("list devices: %w", err)
		}
	}
	return eachPage(ctx, names, s.page, each)
}

func (s *Postgres) page(ctx context.Context, device string, after uint64) ([]Record, error) {
	var state []byte
	err := s.pool.QueryRow(ctx, `SELECT state FROM tram_hub.devices WHERE device = $1`, device).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	var d deviceState
	if err == nil {
		err = json.Unmarshal(state, &d)
	}
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT sequence, id, type, time, bootid, monotonic::text, clock, stays FROM tram_hub.records
		WHERE device = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`, device, int64(after), recordsPage)
	if err != nil {
		return nil, err
	}
	var page []Record
	var seq int64
	var r indexRow
	var mono string
	_, err = pgx.ForEachRow(rows, []any{&seq, &r.ID, &r.Type, &r.Time, &r.Boot, &mono, &r.Clock, &r.Stays}, func() error {
		n, err := strconv.ParseUint(mono, 10, 64)
		r.Mono, r.Time = wire.Nanoseconds(n), r.Time.UTC()
		page = append(page, r.record(device, uint64(seq), d.Offsets))
		return err
	})
	return page, err
}

// Asides implements Store.
func (s *Postgres) Asides(ctx context.Context, after uint64, limit int) ([]Aside, error) {
	rows, err := s.pool.Query(ctx, `SELECT number, device, site, first, last, reason, time, hash, sealed
		FROM tram_hub.asides WHERE number > $1 ORDER BY number LIMIT $2`, int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read what was kept aside: %w", err)
	}
	var list []Aside
	var number, first, last int64
	var a Aside
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &a.Device, &a.Site, &first, &last, &a.Reason, &a.Time, &hash, &a.Sealed}, func() error {
		a.Number, a.First, a.Last, a.Time = uint64(number), uint64(first), uint64(last), a.Time.UTC()
		copy(a.Hash[:], hash)
		list = append(list, a)
		a.Sealed = nil // not the same memory for the next one
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was kept aside: %w", err)
	}
	return list, nil
}

// AddCommand implements Store.
func (s *Postgres) AddCommand(ctx context.Context, c Command) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO tram_hub.commands (id, device, name, message, sealed, issued) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`, c.ID, c.Device, c.Name, c.Message, c.Sealed, c.Issued)
	if err != nil {
		return fmt.Errorf("keep command %s: %w", c.ID, err)
	}
	return nil
}

const commandColumns = `c.id, c.device, coalesce(d.site, ''), coalesce((d.state ->> 'plain')::boolean, false), c.name, c.message, c.sealed, c.issued, c.sent, c.last_sent, c.answered, c.ok, c.reply`

func scanCommand(r pgx.CollectableRow) (Command, error) {
	var c Command
	var sent int64
	var last, answered *time.Time
	err := r.Scan(&c.ID, &c.Device, &c.Site, &c.Plain, &c.Name, &c.Message, &c.Sealed, &c.Issued, &sent, &last, &answered, &c.OK, &c.Reply)
	c.Sent, c.Issued = uint64(sent), c.Issued.UTC()
	if last != nil {
		c.LastSent = last.UTC()
	}
	if answered != nil {
		c.Answered = answered.UTC()
	}
	return c, err
}

// Command implements Store.
func (s *Postgres) Command(ctx context.Context, id string) (Command, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+commandColumns+` FROM tram_hub.commands c
		LEFT JOIN tram_hub.devices d USING (device) WHERE c.id = $1`, id)
	if err != nil {
		return Command{}, fmt.Errorf("command %s: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCommand)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoCommand
	}
	if err != nil {
		return Command{}, fmt.Errorf("command %s: %w", id, err)
	}
	return c, nil
}

// Claim implements Store.
func (s *Postgres) Claim(ctx context.Context, device string, now, again time.Time, limit int) ([]Command, error) {
	rows, err := s.pool.Query(ctx, `
		UPDATE tram_hub.commands c SET sent = c.sent + 1, last_sent = $2 FROM tram_hub.devices d
		WHERE d.device = c.device AND c.number IN (
		  SELECT o.number FROM tram_hub.commands o JOIN tram_hub.devices v ON v.device = o.device
		  WHERE o.answered IS NULL AND (o.last_sent IS NULL OR o.last_sent < $3) AND v.site <> ''
		    AND (o.device = $1 OR $1 = '' AND v.online)
		  ORDER BY o.number LIMIT $4 FOR UPDATE OF o SKIP LOCKED)
		RETURNING `+commandColumns, device, now, again, limit)
	if err != nil {
		return nil, fmt.Errorf("look for commands: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCommand)
	if err != nil {
		return nil, fmt.Errorf("look for commands: %w", err)
	}
	slices.SortStableFunc(list, func(a, b Command) int { return a.Issued.Compare(b.Issued) })
	return list, nil
}

// DeviceKeys implements KeyRegistry.
func (s *Postgres) DeviceKeys(ctx context.Context, device string) (key, box []byte, err error) {
	err = s.pool.QueryRow(ctx, `SELECT key, box FROM tram_hub.keys WHERE device = $1`, device).Scan(&key, &box)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	return key, box, err
}

// SaveDeviceKeys implements KeyRegistry.
func (s *Postgres) SaveDeviceKeys(ctx context.Context, device string, key, box []byte) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO tram_hub.keys (device, key, box) VALUES ($1, $2, $3)
		ON CONFLICT (device) DO UPDATE SET key = coalesce(excluded.key, tram_hub.keys.key), box = coalesce(excluded.box, tram_hub.keys.box)`,
		device, key, box)
	if err != nil {
		return fmt.Errorf("keep the keys of device %s: %w", device, err)
	}
	return nil
}

// RemoveDeviceKeys implements KeyRegistry.
func (s *Postgres) RemoveDeviceKeys(ctx context.Context, device string) error {
	if _, err := s.pool.Exec(ctx, `DELETE FROM tram_hub.keys WHERE device = $1`, device); err != nil {
		return fmt.Errorf("forget the keys of device %s: %w", device, err)
	}
	return nil
}
