package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tram/hub/store"
)

// ErrNotRunning is returned when no hub answers on a data folder's socket.
var ErrNotRunning = errors.New("no hub runs on this data folder")

// maxReport is the largest answer read from a running hub, in bytes.
const maxReport = 64 << 20

// viaFolder calls fn with a path to the socket that is short enough for a
// socket's address, however long the folder's is.
func viaFolder(data string, fn func(path string) error) error {
	dir, err := os.Open(data)
	if err != nil {
		return err
	}
	defer dir.Close()
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), SocketFile))
}

// owner is the one hub of a data folder that others ask through the socket. A
// bbolt store has one hub anyway; of hubs that share a database and a folder
// the first is it.
type owner struct {
	lock *os.File
	held bool
}

// own tries to become the owner.
func own(data string) (owner, error) {
	f, err := os.OpenFile(filepath.Join(data, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return owner{}, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return owner{}, nil
	}
	return owner{lock: f, held: true}, nil
}

func (o *owner) release() {
	if o.held {
		_ = o.lock.Close()
	}
}

// openSocket listens on DIR/hub.sock, unless another hub does, and returns what
// serves it until ctx ends.
func (h *Hub) openSocket() (serve func(ctx context.Context), o owner, err error) {
	o, err = own(h.opt.Data)
	if err != nil || !o.held {
		return func(ctx context.Context) { <-ctx.Done() }, o, err
	}
	path := filepath.Join(h.opt.Data, SocketFile)
	_ = os.Remove(path) // the lock says that no other hub is here
	var l net.Listener
	err = viaFolder(h.opt.Data, func(short string) error {
		var err error
		l, err = net.Listen("unix", short)
		return err
	})
	if err == nil {
		if err = os.Chmod(path, 0o600); err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		o.release()
		return nil, owner{}, fmt.Errorf("listen on %s: %w", path, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /report", h.serveReport)
	mux.HandleFunc("GET /records", h.serveRecords)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second}
	return func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		_ = server.Serve(l)
		_ = os.Remove(path)
	}, o, nil
}

func (h *Hub) serveReport(w http.ResponseWriter, r *http.Request) {
	devices, err := h.store.Report(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Report{Devices: devices})
}

func (h *Hub) serveRecords(w http.ResponseWriter, r *http.Request) {
	out := json.NewEncoder(w)
	if err := h.store.Records(r.Context(), r.URL.Query().Get("device"), func(rec store.Record) error { return out.Encode(rec) }); err != nil {
		h.log.Error("records are not listed", "err", err)
		panic(http.ErrAbortHandler) // a cut answer must not look whole
	}
}

// Report is what "tram-hub report --json" prints.
type Report struct {
	Devices []store.Device `json:"devices"`
}

// ReadReport asks the hub that runs on a data folder, or reads its store.
func ReadReport(ctx context.Context, data string) (Report, error) {
	var report Report
	err := ask(ctx, data, "/report", func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, maxReport)).Decode(&report)
	})
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	st, err := store.OpenReadOnly(filepath.Join(data, StoreFile))
	if err != nil {
		return Report{}, fmt.Errorf("read the hub's store: %w", err)
	}
	defer st.Close()
	report.Devices, err = st.Report(ctx)
	return report, err
}

// ReadRecords lists what a hub has stored, without opening it. Errors of each
// end it.
func ReadRecords(ctx context.Context, data, device string, each func(store.Record) error) error {
	err := ask(ctx, data, "/records?device="+device, func(r io.Reader) error {
		lines := json.NewDecoder(r)
		for {
			var rec store.Record
			if err := lines.Decode(&rec); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := each(rec); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	st, err := store.OpenReadOnly(filepath.Join(data, StoreFile))
	if err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	defer st.Close()
	return st.Records(ctx, device, each)
}

// ask sends one request to a running hub.
func ask(ctx context.Context, data, path string, read func(io.Reader) error) error {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			err = viaFolder(data, func(short string) error {
				conn, err = new(net.Dialer).DialContext(ctx, "unix", short)
				return err
			})
			return conn, err
		},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://hub"+path, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("ask the hub: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the hub: it answers %s", resp.Status)
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("ask the hub: %w", err)
	}
	return nil
}
