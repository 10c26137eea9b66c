package hubtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a real PostgreSQL server in a folder of its own.
type Postgres struct {
	Dir string // holds its data and its socket

	t      testing.TB
	bin    string
	who    *syscall.Credential // nil: as ourselves
	cmd    *exec.Cmd
	log    bytes.Buffer
	exited chan struct{}
	next   int

	settings []string
}

// StartPostgres makes a database cluster in a temporary folder and starts
// Debian's PostgreSQL on a Unix socket in it, as an unprivileged user when the
// test runs as root, since PostgreSQL refuses to be root. It is skipped where
// PostgreSQL is not installed. Settings such as "fsync=off" may be added: a
// process that is killed loses nothing by that one, a machine would.
func StartPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	p := &Postgres{t: t, bin: postgresBin(t), settings: settings}
	// Not t.TempDir, which only root could enter. Short, for the socket's name.
	dir, err := os.MkdirTemp("", "tram-pg-")
	if err != nil {
		t.Fatal(err)
	}
	p.Dir = dir
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if os.Geteuid() == 0 {
		p.who = unprivileged(t)
		if err := os.Chown(dir, int(p.who.Uid), int(p.who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	init := p.command("initdb", "-D", p.data(), "-A", "trust", "-U", "tram", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(p.Stop)
	p.Start()
	return p
}

// postgresBin finds the newest server's programs, which Debian keeps off the PATH.
func postgresBin(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(path)
		}
		t.Skip("needs PostgreSQL, which is not installed: apt-get install postgresql")
	}
	version := func(i int) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(found[i]))))
		return n
	}
	sort.Slice(found, func(i, j int) bool { return version(i) < version(j) })
	return filepath.Dir(found[len(found)-1])
}

// unprivileged returns a user for PostgreSQL to be.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}}
		}
	}
	t.Skip("needs a user postgres or nobody to run PostgreSQL")
	return nil
}

func (p *Postgres) data() string { return filepath.Join(p.Dir, "data") }

func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + p.Dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.who, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// Start starts a stopped server and waits until it serves.
func (p *Postgres) Start() {
	p.t.Helper()
	p.log.Reset()
	args := []string{"-D", p.data(), "-k", p.Dir, "-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=32MB", "-c", "log_min_messages=error"}
	for _, s := range p.settings {
		args = append(args, "-c", s)
	}
	p.cmd = p.command("postgres", args...)
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start PostgreSQL: %v", err)
	}
	exited := make(chan struct{})
	p.exited = exited
	cmd := p.cmd
	go func() {
		_ = cmd.Wait() // killed, or stopped: either is as ordered
		close(exited)
	}()
	Until(p.t, "PostgreSQL serves", func() bool {
		select {
		case <-exited:
			p.t.Fatalf("PostgreSQL ended at once: %s", &p.log)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, p.dsn("postgres"))
		if err != nil {
			return false
		}
		return conn.Close(ctx) == nil
	})
}

// Stop ends the server fast, as "pg_ctl stop" does.
func (p *Postgres) Stop() { p.end(syscall.SIGINT) }

// Crash ends the server without a checkpoint, as a power cut would.
func (p *Postgres) Crash() { p.end(syscall.SIGQUIT) }

func (p *Postgres) end(sig syscall.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig) // it may be gone already
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Error("PostgreSQL does not end")
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	p.cmd = nil
}

// Log returns what a server that has ended wrote, or says that it runs.
func (p *Postgres) Log() string {
	select {
	case <-p.exited:
		return "ended: " + p.log.String()
	default:
		return "runs"
	}
}

func (p *Postgres) dsn(database string) string {
	return fmt.Sprintf("postgres://tram@/%s?host=%s&sslmode=disable", database, url.QueryEscape(p.Dir))
}

// Database makes an empty database and returns its address.
func (p *Postgres) Database() string {
	p.t.Helper()
	p.next++
	name := fmt.Sprintf("test%d", p.next)
	p.Exec("postgres", "CREATE DATABASE "+name)
	return p.dsn(name)
}

// Exec runs SQL on a database, which may be an address that Database returned.
func (p *Postgres) Exec(database, sql string, args ...any) {
	p.t.Helper()
	p.query(database, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// Count returns the one number that a query yields.
func (p *Postgres) Count(database, sql string, args ...any) (n int64) {
	p.t.Helper()
	p.query(database, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql, args...).Scan(&n)
	})
	return n
}

func (p *Postgres) query(database string, do func(context.Context, *pgx.Conn) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if database == "postgres" {
		database = p.dsn(database)
	}
	conn, err := pgx.Connect(ctx, database)
	if err == nil {
		err = do(ctx, conn)
		_ = conn.Close(ctx)
	}
	if err != nil {
		p.t.Fatalf("PostgreSQL: %v", err)
	}
}
