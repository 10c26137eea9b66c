// Package kiosk is the local face of the daemon: the touch screen for the
// person at the counter, the local API behind it, and the socket over which the
// command line asks the running daemon.
//
// The screen is plain HTML, CSS and JavaScript modules embedded in the binary.
// It shows one [visit.Snapshot] at a time, which arrives over server-sent
// events, and answers with a handful of POST requests:
//
//	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:8600", Socket: path, Station: agent, Log: log})
//	…
//	err = srv.Run(ctx) // until ctx ends
//
// A person's data is shown here in clear, so the TCP side answers nobody but
// its own page: it listens on loopback only, knows an exact list of Host and
// Origin values (a web page that rebinds its DNS name to 127.0.0.1 gets
// nothing), sends no CORS header, and wants the session token that GET / sets
// as a SameSite=Strict cookie before it gives any data.
//
// The unix socket (mode 0600) serves the same API to the owner's programs
// without those rules, and the administrator's questions about the device and
// its queue beside it; [Dial] makes a client for it.
package kiosk
