package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tram/sync/wire"
)

// Known implements Store with one query.
func (s *Postgres) Known(ctx context.Context, items []Item) ([]bool, error) {
	known := make([]bool, len(items))
	devices, firsts, hashes := make([]string, len(items)), make([]int64, len(items)), make([][]byte, len(items))
	for i := range items {
		hash := sha256.Sum256(items[i].Sealed)
		devices[i], firsts[i], hashes[i] = items[i].Device, int64(items[i].First), hash[:]
	}
	rows, err := s.pool.Query(ctx, `
		SELECT q.n FROM unnest($1::text[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS q(device, first, hash, n)
		JOIN tram_hub.envelopes e ON e.device = q.device AND e.first = q.first AND e.hash = q.hash`, devices, firsts, hashes)
	if err != nil {
		return known, err
	}
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&n}, func() error { known[n-1] = true; return nil })
	return known, err
}

// Put implements Store with one transaction: the devices' rows are locked in
// the order of their names, and everything new goes in by one statement for
// each table.
func (s *Postgres) Put(ctx context.Context, a Arrivals, now time.Time) (out Outcome, err error) {
	names := a.devices()
	err = s.transact(ctx, func(tx pgx.Tx) error {
		states, err := lockDevices(ctx, tx, names)
		if err != nil {
			return err
		}
		l := &pgLedger{ctx: ctx, tx: tx, fresh: map[string][]row{}}
		if out, err = apply(l, states, a, now); err != nil {
			return err
		}
		for name, d := range states {
			l.batch.Queue(`UPDATE tram_hub.devices SET state = $2, site = $3, online = $4 WHERE device = $1`,
				name, string(encode(d)), d.Site, d.Online)
		}
		for i := range a.Answers {
			l.answer(&a.Answers[i], now)
		}
		return l.flush()
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store %d envelopes: %w", len(a.Items), err)
	}
	return out, nil
}

// lockDevices locks the rows of devices, making those that are not there, and
// returns what they say.
func lockDevices(ctx context.Context, tx pgx.Tx, names []string) (map[string]*deviceState, error) {
	states := map[string]*deviceState{}
	if len(names) == 0 {
		return states, nil
	}
	read := func() error {
		rows, err := tx.Query(ctx, `SELECT device, state FROM tram_hub.devices WHERE device = ANY($1) ORDER BY device FOR UPDATE`, names)
		if err != nil {
			return err
		}
		var name string
		var raw []byte
		_, err = pgx.ForEachRow(rows, []any{&name, &raw}, func() error {
			d := new(deviceState)
			if err := json.Unmarshal(raw, d); err != nil {
				return fmt.Errorf("what is known of device %s: %w", name, err)
			}
			states[name] = d
			return nil
		})
		return err
	}
	if err := read(); err != nil || len(states) == len(names) {
		return states, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO tram_hub.devices (device) SELECT unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING`, names); err != nil {
		return nil, err
	}
	return states, read()
}

// pgLedger is a transaction on the database. What is new waits in lists until
// flush, and is looked at by around first.
type pgLedger struct {
	ctx   context.Context
	tx    pgx.Tx
	fresh map[string][]row
	batch pgx.Batch
	aside bool

	envelopes struct {
		device             []string
		first, last        []int64
		prev, hash, sealed [][]byte
	}
	records struct {
		device, id, kind, boot, mono, clock []string
		sequence                            []int64
		time                                []time.Time
		stays                               [][]byte // JSON; nil but for counts of stays
	}
}

var _ ledger = (*pgLedger)(nil)

func (l *pgLedger) around(device string, seq uint64) (row, bool, error) {
	for _, r := range l.fresh[device] {
		if r.first <= seq && seq <= r.last {
			return r, true, nil
		}
	}
	var first, last int64
	var prev, hash []byte
	err := l.tx.QueryRow(l.ctx, `SELECT first, last, prev, hash FROM tram_hub.envelopes
		WHERE device = $1 AND first <= $2 ORDER BY first DESC LIMIT 1`, device, int64(seq)).Scan(&first, &last, &prev, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	r := row{first: uint64(first), last: uint64(last)}
	copy(r.prev[:], prev)
	copy(r.hash[:], hash)
	return r, seq <= r.last, nil
}

func (l *pgLedger) keep(it *Item, r row) error {
	l.fresh[it.Device] = append(l.fresh[it.Device], r)
	e := &l.envelopes
	e.device = append(e.device, it.Device)
	e.first, e.last = append(e.first, int64(r.first)), append(e.last, int64(r.last))
	e.prev, e.hash, e.sealed = append(e.prev, r.prev[:]), append(e.hash, r.hash[:]), append(e.sealed, it.Sealed)
	n := &l.records
	for i := range it.Events {
		v := &it.Events[i]
		mono, err := v.Monotonic.MarshalText()
		if err != nil {
			return err
		}
		n.device, n.sequence = append(n.device, it.Device), append(n.sequence, int64(v.Sequence))
		n.id, n.kind, n.time = append(n.id, v.ID), append(n.kind, v.Type), append(n.time, v.Time)
		n.boot, n.mono, n.clock = append(n.boot, v.BootID), append(n.mono, string(mono)), append(n.clock, v.Clock)
		var stays []byte
		if c := rowOf(v).Stays; c != nil {
			stays = encode(c)
		}
		n.stays = append(n.stays, stays)
	}
	return nil
}

func (l *pgLedger) setAside(it *Item, reason string, hash wire.Hash, now time.Time) error {
	l.aside = true
	l.batch.Queue(`INSERT INTO tram_hub.asides (device, site, first, last, reason, time, hash, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (device, hash) DO NOTHING`,
		it.Device, it.Site, int64(it.First), int64(it.Last), reason, now, hash[:], it.Sealed)
	return nil
}

func (l *pgLedger) takeBack(device string, hash wire.Hash) error {
	l.batch.Queue(`DELETE FROM tram_hub.asides WHERE device = $1 AND hash = $2`, device, hash[:])
	return nil
}

func (l *pgLedger) answer(a *Answer, now time.Time) {
	l.batch.Queue(`UPDATE tram_hub.commands SET answered = $3, ok = $4, reply = $5
		WHERE id = $1 AND device = $2 AND answered IS NULL`, a.ID, a.Device, now, a.OK, a.Raw)
}

// flush sends everything that waits in one round trip.
func (l *pgLedger) flush() error {
	if e := &l.envelopes; len(e.device) > 0 {
		l.batch.Queue(`INSERT INTO tram_hub.envelopes (device, first, last, prev, hash, sealed)
			SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])`,
			e.device, e.first, e.last, e.prev, e.hash, e.sealed)
		n := &l.records
		l.batch.Queue(`INSERT INTO tram_hub.records (device, sequence, id, type, time, bootid, monotonic, clock, stays)
			SELECT d, s, i, k, t, b, m::numeric, c, n FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
			AS q(d, s, i, k, t, b, m, c, n)`,
			n.device, n.sequence, n.id, n.kind, n.time, n.boot, n.mono, n.clock, n.stays)
	}
	if l.aside {
		l.batch.Queue(`DELETE FROM tram_hub.asides WHERE number IN (
			SELECT number FROM (SELECT number, row_number() OVER w AS n, sum(length(sealed)) OVER w AS bytes
			FROM tram_hub.asides WINDOW w AS (ORDER BY number DESC)) q WHERE n > $1 OR bytes > $2)`, maxRejected, maxAside)
	}
	if l.batch.Len() == 0 {
		return nil
	}
	return l.tx.SendBatch(l.ctx, &l.batch).Close()
}
