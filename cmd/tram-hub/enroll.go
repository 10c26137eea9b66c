package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"tram/hub"
	"tram/hub/ca"
	"tram/sync/seal"
)

// enrollFile is the endpoint's URL in the data folder, while it runs.
const enrollFile = "enroll"

// enrolment is the part of "tram-hub run" that enrols devices and gives the
// hub and its broker their certificates.
type enrolment struct {
	addr, broker, mqttTLS string
	hosts                 []string
	life                  time.Duration
	secure                bool

	authority *ca.Authority
	listener  net.Listener
	at        atomic.Value // string: the embedded broker's address
}

func (e *enrolment) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.addr, "enroll", "", "address of the HTTPS endpoint that enrols devices; port 0 takes any free one")
	f.StringVar(&e.broker, "enroll-broker", "", "URL of the broker that enrolled devices are told (default: the one that the hub uses)")
	f.StringArrayVar(&e.hosts, "host", nil, "a name or address of this machine, for its certificates; may be repeated")
	f.DurationVar(&e.life, "certificate-life", ca.DefaultLife, "how long a device's certificate is good; devices renew at one third of it left")
	f.BoolVar(&e.secure, "tls", false, "its own broker takes enrolled devices over TLS only, each under its own name")
	f.StringVar(&e.mqttTLS, "mqtt-tls", "", "with --mqtt ssl://: folder with hub.crt, hub.key, hub-ca.crt (default: this hub's own authority)")
}

// prepare checks the flags, opens what they name, and completes the hub's options.
func (e *enrolment) prepare(o *hub.Options) error {
	if err := e.check(o); err != nil {
		return err
	}
	remote := o.MQTT != "" && secureURL(o.MQTT)
	if e.addr == "" && !e.secure && !remote {
		return nil
	}
	if remote && e.mqttTLS != "" {
		config, err := ca.ReadHubTLS(e.mqttTLS)
		if err != nil {
			return err
		}
		o.TLS = config
		remote = false
	}
	var err error
	if e.authority, err = ca.Open(ca.Folder(o.Data), ca.Options{DeviceLife: e.life}); err != nil {
		return err
	}
	if remote {
		if o.TLS, err = e.authority.HubTLS(); err != nil {
			return err
		}
	}
	if e.secure {
		if o.ListenTLS, err = e.authority.BrokerTLS(e.names(o.Listen)...); err != nil {
			return err
		}
		o.DeviceOf = ca.DeviceOf
	}
	if e.addr == "" {
		return nil
	}
	if e.listener, err = net.Listen("tcp", e.addr); err != nil {
		return fmt.Errorf("%w: enrolment: %w", hub.ErrListen, err)
	}
	ready := o.Ready
	o.Ready = func(address string) { e.at.Store(address); ready(address) }
	return nil
}

func (e *enrolment) check(o *hub.Options) error {
	if e.addr != "" {
		if _, _, err := net.SplitHostPort(e.addr); err != nil {
			return usage("--enroll wants HOST:PORT")
		}
	}
	if e.broker != "" {
		if at, err := url.Parse(e.broker); err != nil || at.Hostname() == "" || !slices.Contains([]string{"tcp", "mqtt", "ssl", "tls", "mqtts"}, at.Scheme) {
			return usage("--enroll-broker wants tcp://HOST:PORT or ssl://HOST:PORT")
		}
	}
	switch {
	case e.secure && o.MQTT != "":
		return usage("--tls is for the hub's own broker; another broker has its own configuration")
	case e.mqttTLS != "" && !secureURL(o.MQTT):
		return usage("--mqtt-tls goes with --mqtt ssl://HOST:PORT")
	case e.addr != "" && secureURL(o.MQTT) && e.broker == "":
		return usage("with --mqtt ssl:// name the broker's address for devices: --enroll-broker ssl://HOST:PORT")
	case e.life < time.Minute:
		return usage("--certificate-life wants at least 1m")
	}
	return nil
}

func secureURL(s string) bool {
	scheme, _, _ := strings.Cut(s, "://")
	return scheme == "ssl" || scheme == "tls" || scheme == "mqtts"
}

// names returns what a certificate of this machine should say.
func (e *enrolment) names(listen string) []string {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, e.hosts...)
	for _, addr := range []string{listen, e.addr} {
		if host, _, err := net.SplitHostPort(addr); err == nil && host != "" && !unspecified(host) {
			names = append(names, host)
		}
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// brokerFor returns the broker's URL for a device that reached the hub as host.
func (e *enrolment) brokerFor(host, mqtt string) string {
	if e.broker != "" {
		return e.broker
	}
	if mqtt != "" {
		return mqtt
	}
	at, _ := e.at.Load().(string)
	if at == "" {
		return ""
	}
	if h, port, err := net.SplitHostPort(at); err == nil && unspecified(h) {
		at = net.JoinHostPort(host, port)
	}
	if e.secure {
		return "ssl://" + at
	}
	return "tcp://" + at
}

// run runs the hub with the endpoint beside it, and ends when the hub does.
func (e *enrolment) run(ctx context.Context, h *hub.Hub, o hub.Options, out io.Writer) error {
	if e.listener == nil {
		return h.Run(ctx)
	}
	config, err := e.authority.EndpointTLS(e.names(o.Listen)...)
	if err != nil {
		return errors.Join(err, e.listener.Close(), h.Close())
	}
	server := &http.Server{
		Handler: e.authority.Handler(ca.HandlerOptions{
			Devices: h.Devices(),
			HubKeys: func() []byte { return hubKeys(o.Data, o.Log) },
			Broker:  func(host string) string { return e.brokerFor(host, o.MQTT) },
			Log:     o.Log,
		}),
		ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	at := "https://" + e.listener.Addr().String()
	file := filepath.Join(o.Data, enrollFile)
	if err := seal.WriteFile(file, []byte(at+"\n"), 0o644); err != nil {
		return errors.Join(err, e.listener.Close(), h.Close())
	}
	defer os.Remove(file)
	fmt.Fprintf(out, "tram-hub: enrolment on %s\n", at)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(tls.NewListener(e.listener, config)) // ends with Close
	}()
	err = h.Run(ctx)
	_ = server.Close()
	<-served
	return err
}

// close gives up what prepare opened, for a hub that does not start.
func (e *enrolment) close() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
}

// hubKeys returns the hub's public keys as they are now.
func hubKeys(data string, log *slog.Logger) []byte {
	b, err := os.ReadFile(filepath.Join(data, hub.PublicFile))
	if err != nil {
		log.Error("the hub's public keys are not read", "err", err)
	}
	return b
}
