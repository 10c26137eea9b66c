package main

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"tram/drivers/pcsc"
	"tram/vision"
)

// deviceLine is one thing that is plugged in, or that this build can drive.
type deviceLine struct {
	Kind   string `json:"kind"` // "reader", "serial", "camera", "worker"
	Name   string `json:"name"`
	State  string `json:"state"` // "there", "missing"
	Detail string `json:"detail,omitempty"`
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

// serialLines lists serial ports by their stable names first; the plain ones only
// when no stable name is there.
func serialLines() []deviceLine {
	ports := glob("/dev/serial/by-id/*")
	if len(ports) == 0 {
		ports = slices.Concat(glob("/dev/ttyACM*"), glob("/dev/ttyUSB*"))
	}
	if len(ports) == 0 {
		return []deviceLine{{Kind: "serial", Name: "/dev/serial/by-id", State: "missing", Detail: "no serial port; a scanner must be set to USB serial (CDC), not keyboard"}}
	}
	var list []deviceLine
	for _, port := range ports {
		list = append(list, deviceLine{Kind: "serial", Name: port, State: "there", Detail: "scanner.path"})
	}
	return list
}

func cameraLines() []deviceLine {
	cameras := glob("/dev/v4l/by-id/*")
	if len(cameras) == 0 {
		cameras = glob("/dev/video*")
	}
	if len(cameras) == 0 {
		return []deviceLine{{Kind: "camera", Name: "/dev/video0", State: "missing", Detail: "no local camera; rtsp:// and http:// addresses, videos and folders of frames work too"}}
	}
	var list []deviceLine
	for _, camera := range cameras {
		list = append(list, deviceLine{Kind: "camera", Name: camera, State: "there", Detail: "camera.source, gate.source"})
	}
	return list
}

// workerLines asks the worker itself, since OpenCV may be missing where the file is not.
func workerLines(cmd *cobra.Command, term terminal) []deviceLine {
	line := deviceLine{Kind: "worker", Name: "tram-vision", State: "there"}
	err := withWorker(cmd, term, func(w *vision.Worker) error {
		pong, err := w.Ping(cmd.Context())
		line.Detail = "OpenCV " + pong.OpenCV
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
