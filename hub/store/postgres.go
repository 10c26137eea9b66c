package store

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// migrations are applied in the order of their names; one that was ever
// released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock keeps two hubs from migrating at once.
const migrationLock = 0x7472616d687562 // "tramhub"

// databaseTimeout bounds the first contact.
const databaseTimeout = 10 * time.Second

// Postgres is a store in a PostgreSQL database, for any number of hub processes.
type Postgres struct {
	pool *pgxpool.Pool
	id   string
}

var (
	_ Store       = (*Postgres)(nil)
	_ KeyRegistry = (*Postgres)(nil)
)

// OpenPostgres connects to a database (a URL or key=value pairs, as libpq
// takes them) and brings its schema tram_hub up to date. Errors: ErrDatabase
// (also ErrAddress when waiting would not help), ErrNewer.
func OpenPostgres(ctx context.Context, dsn string) (*Postgres, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDatabase, ErrAddress) // pgx would repeat the password
	}
	config.ConnConfig.RuntimeParams["application_name"] = "tram-hub"
	// What is acknowledged must be on the disk, whatever the server's default is.
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	config.MaxConns = max(config.MaxConns, 4)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDatabase, err)
	}
	s := &Postgres{pool: pool}
	first, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	if err := s.prepare(first); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// prepare applies the migrations that are missing and reads the store's id.
func (s *Postgres) prepare(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass('tram_hub.schema_version') IS NOT NULL`).Scan(&there); err != nil {
			return err
		}
		version := 0
		if there {
			if err := tx.QueryRow(ctx, `SELECT version FROM tram_hub.schema_version`).Scan(&version); err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS tram_hub;
			CREATE TABLE tram_hub.schema_version (version int NOT NULL);
			INSERT INTO tram_hub.schema_version VALUES (0)`); err != nil {
			return err
		}
		if version > len(files) {
			return fmt.Errorf("%w: schema version %d, this one knows %d", ErrNewer, version, len(files))
		}
		for _, name := range files[version:] {
			sql, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(sql)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if version < len(files) {
			if _, err := tx.Exec(ctx, `UPDATE tram_hub.schema_version SET version = $1`, len(files)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO tram_hub.meta VALUES ('id', $1) ON CONFLICT DO NOTHING`, rand.Text()[:16]); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `SELECT value FROM tram_hub.meta WHERE name = 'id'`).Scan(&s.id)
	})
	if err != nil && !errors.Is(err, ErrNewer) {
		return fmt.Errorf("%w: prepare the schema: %w", ErrDatabase, err)
	}
	return err
}

// Close ends every connection.
func (s *Postgres) Close() error {
	s.pool.Close()
	return nil
}

// ID names the store.
func (s *Postgres) ID() string { return s.id }

// Shared is true: any number of hub processes may work on a database.
func (s *Postgres) Shared() bool { return true }

// attempts is how often a transaction that met another is tried.
const attempts = 5

// transact runs fn in a transaction, again when it met another's.
func (s *Postgres) transact(ctx context.Context, fn func(tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, s.pool, fn)
		if err == nil || attempt == attempts || !met(err) {
			return err
		}
	}
}

// met reports whether a transaction failed only because of another one:
// serialization failure, deadlock, or a row that both inserted.
func met(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "40") || pg.Code == "23505")
}
