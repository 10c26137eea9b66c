package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"tram/agent/bundle"
	"tram/configs"
)

// logInBundle is how much of the log's end a support bundle has.
const logInBundle = 256 << 10

// makeBundle packs what a technician needs to see of this device.
func (a *Agent) makeBundle(ctx context.Context, logBytes int) ([]byte, error) {
	status, err := admin{a}.Status(ctx)
	if err != nil {
		return nil, err
	}
	queue, err := a.store.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	files := []bundle.File{{Name: "metrics.txt", Data: a.metrics.Text()}}
	if tail := a.opt.Tail.Last(logBytes); len(tail) > 0 {
		files = append(files, bundle.File{Name: "log.txt", Data: tail})
	}
	return PackBundle(a.config, a.opt.Version, map[string]any{"status.json": status, "outbox.json": queue}, files...)
}

// PackBundle makes a support bundle from answers, which become JSON files, and
// from files. The configuration is in it without passwords.
func PackBundle(c configs.Config, version string, answers map[string]any, more ...bundle.File) ([]byte, error) {
	now := time.Now().UTC()
	text, err := c.Dump()
	if err != nil {
		return nil, err
	}
	answers["version.json"] = map[string]any{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "made": now}
	files := append([]bundle.File{{Name: "config.yaml", Data: text}}, more...)
	for name, answer := range answers {
		b, err := json.MarshalIndent(answer, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		files = append(files, bundle.File{Name: name, Data: append(b, '\n')})
	}
	folder := "tram-bundle"
	if c.Device.Name != "" {
		folder += "-" + c.Device.Name
	}
	return bundle.Make(folder, files, now)
}

// Bundle is the support bundle for the command line.
func (d admin) Bundle(ctx context.Context) ([]byte, error) { return d.a.makeBundle(ctx, logInBundle) }
