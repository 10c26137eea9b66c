package hub

import (
	"bytes"
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
	"tram/sync/wire"
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
	mux.HandleFunc("GET /command", h.serveCommand)
	mux.HandleFunc("POST /command", h.serveOrder)
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
	writeJSON(w, Report{Devices: devices})
}

func (h *Hub) serveRecords(w http.ResponseWriter, r *http.Request) {
	out := json.NewEncoder(w)
	if err := h.store.Records(r.Context(), r.URL.Query().Get("device"), func(rec store.Record) error { return out.Encode(rec) }); err != nil {
		h.log.Error("records are not listed", "err", err)
		panic(http.ErrAbortHandler) // a cut answer must not look whole
	}
}

// maxOrder is the largest order taken over the socket, in bytes.
const maxOrder = 1 << 20

func (h *Hub) serveOrder(w http.ResponseWriter, r *http.Request) {
	var o Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
		http.Error(w, "not an order", http.StatusBadRequest)
		return
	}
	c, err := h.addCommand(r.Context(), o)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, ErrOrder) || errors.Is(err, wire.ErrName) {
			status = http.StatusBadRequest
		}
		http.Error(w, err.Error(), status)
		return
	}
	writeJSON(w, h.keys.view(c))
}

func (h *Hub) serveCommand(w http.ResponseWriter, r *http.Request) {
	c, err := h.store.Command(r.Context(), r.URL.Query().Get("id"))
	if errors.Is(err, store.ErrNoCommand) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, h.keys.view(c))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// ask sends one request to a running hub.
func ask(ctx context.Context, data, method, path string, body []byte, read func(io.Reader) error) error {
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
	req, err := http.NewRequestWithContext(ctx, method, "http://hub"+path, bytes.NewReader(body))
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
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		err := fmt.Errorf("ask the hub: it answers %s: %s", resp.Status, bytes.TrimSpace(said))
		if resp.StatusCode == http.StatusNotFound {
			err = fmt.Errorf("ask the hub: %w", store.ErrNoCommand)
		}
		return err
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("ask the hub: %w", err)
	}
	return nil
}
