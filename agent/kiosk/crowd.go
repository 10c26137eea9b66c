package kiosk

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// maxConnections is how many connections one listener holds at once: the streams
// of everybody, and as many again for requests.
const maxConnections = 128

// A crowd is the connections of one listener. Where one too many comes, the one
// that has waited longest without showing who it is must go: a stranger who opens
// connections and says nothing, or says it slowly, keeps neither the screen nor a
// program with a token out.
type crowd struct {
	mu   sync.Mutex
	list []*guest // by arrival
}

type guest struct {
	conn  net.Conn
	crowd *crowd
	known bool // it has shown a session or a token once
	taken bool // it has become a WebSocket
}

type guestKey struct{}

// mark is an [http.Server]'s ConnContext.
func (c *crowd) mark(ctx context.Context, conn net.Conn) context.Context {
	g := &guest{conn: conn, crowd: c}
	c.mu.Lock()
	var out net.Conn
	if len(c.list) >= maxConnections {
		out = c.longest()
	}
	c.list = append(c.list, g)
	c.mu.Unlock()
	if out != nil {
		_ = out.Close()
	}
	return context.WithValue(ctx, guestKey{}, g)
}

// longest takes the stranger who waits longest out of the list; the oldest of
// all where everybody is known. The caller holds the lock.
func (c *crowd) longest() net.Conn {
	at := 0
	for i, g := range c.list {
		if !g.known {
			at = i
			break
		}
	}
	out := c.list[at].conn
	c.list = append(c.list[:at], c.list[at+1:]...)
	return out
}

// note is an [http.Server]'s ConnState.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateClosed:
		c.leave(conn)
	case http.StateHijacked:
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, g := range c.list {
			if g.conn == conn {
				g.taken = true
			}
		}
	}
}

// around serves requests, and takes a connection that became a WebSocket, which
// the HTTP server knows no more of, out of the list when its request ends.
func (c *crowd) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if g := guestOf(r.Context()); g != nil && g.hijacked() {
				c.leave(g.conn)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (g *guest) hijacked() bool {
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	return g.taken
}

func (c *crowd) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, g := range c.list {
		if g.conn == conn {
			c.list = append(c.list[:i], c.list[i+1:]...)
			return
		}
	}
}

// guestOf returns the connection of a request, nil when there is none.
func guestOf(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// known says that the connection of a request has shown who it is.
func known(r *http.Request) {
	if g := guestOf(r.Context()); g != nil {
		g.crowd.mu.Lock()
		defer g.crowd.mu.Unlock()
		g.known = true
	}
}
