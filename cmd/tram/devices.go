package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tram/drivers/pcsc"
	"tram/vision"
	"tram/vision/confine"
)

// deviceLine is one thing that is plugged in, or that this build can drive.
type deviceLine struct {
	Kind   string `json:"kind"` // "reader", "serial", "camera", "worker"
	Name   string `json:"name"`
	State  string `json:"state"` // "there", "missing"
	Detail string `json:"detail,omitempty"`

	Confined []confine.Layer `json:"confined,omitempty"` // of the worker: what holds it, layer by layer
}

func newDevicesCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "devices", Short: "List what is plugged in and what this build can drive", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		list := slices.Concat(readerLines(), serialLines(), cameraLines(), workerLines(cmd, term))
		if *asJSON {
			return printJSON(term.out, map[string]any{"devices": list})
		}
		rows := [][]string{{"KIND", "STATE", "NAME", ""}}
		for _, d := range list {
			rows = append(rows, []string{d.Kind, d.State, d.Name, d.Detail})
		}
		return table(term.out, rows)
	}
	return c
}

func readerLines() []deviceLine {
	names, err := pcsc.List()
	switch {
	case errors.Is(err, pcsc.ErrNoService):
		return []deviceLine{{Kind: "reader", Name: "PC/SC", State: "missing", Detail: "pcscd does not run; start it with: systemctl start pcscd.socket"}}
	case err != nil:
		return []deviceLine{{Kind: "reader", Name: "PC/SC", State: "missing", Detail: err.Error()}}
	case len(names) == 0:
		return []deviceLine{{Kind: "reader", Name: "PC/SC", State: "missing", Detail: "pcscd runs and sees no reader"}}
	}
	var list []deviceLine
	for _, name := range names {
		list = append(list, deviceLine{Kind: "reader", Name: name, State: "there", Detail: "reader.name"})
	}
	return list
}

// serialLines lists serial ports.
func serialLines() []deviceLine {
	absent := deviceLine{Kind: "serial", Name: "/dev/serial/by-id", State: "missing", Detail: "no serial port; a scanner must be set to USB serial (CDC), not keyboard"}
	return pathLines(absent, "scanner.path", "/dev/serial/by-id/*", "/dev/ttyACM*", "/dev/ttyUSB*")
}

func cameraLines() []deviceLine {
	absent := deviceLine{Kind: "camera", Name: "/dev/video0", State: "missing", Detail: "no local camera; rtsp:// and http:// addresses, videos and folders of frames work too"}
	return pathLines(absent, "camera.source, gate.source", "/dev/v4l/by-id/*", "/dev/video*")
}

// pathLines lists device files: by their stable names, or, only where there are
// none, by the plain ones. setting is the key of the configuration they go to.
func pathLines(absent deviceLine, setting, stable string, plain ...string) []deviceLine {
	paths := glob(stable)
	if len(paths) == 0 {
		for _, pattern := range plain {
			paths = append(paths, glob(pattern)...)
		}
	}
	if len(paths) == 0 {
		return []deviceLine{absent}
	}
	var list []deviceLine
	for _, path := range paths {
		list = append(list, deviceLine{Kind: absent.Kind, Name: path, State: "there", Detail: setting})
	}
	return list
}

// workerLines asks the worker itself, since OpenCV may be missing where the file is not.
func workerLines(cmd *cobra.Command, term terminal) []deviceLine {
	line := deviceLine{Kind: "worker", Name: "tram-vision", State: "there"}
	err := withWorker(cmd, term, func(w *vision.Worker) error {
		pong, err := w.Ping(cmd.Context())
		line.Detail, line.Confined = "OpenCV "+pong.OpenCV, pong.Confined
		if missing := confine.Missing(pong.Confined); err == nil && len(missing) > 0 {
			line.Detail += "; not confined by " + strings.Join(missing, ", ")
		}
		return err
	})
	if err != nil {
		line.State, line.Detail = "missing", "no faces and no counting: "+err.Error()
	}
	return []deviceLine{line}
}

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // the patterns above are well formed
	return found
}
