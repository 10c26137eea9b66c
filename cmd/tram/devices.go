package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
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

	Confined []confine.Layer   `json:"confined,omitempty"` // of the worker: what holds it, layer by layer
	Report   *condition.Report `json:"report,omitempty"`   // of a camera that was looked at
	Modes    []spec.Mode       `json:"modes,omitempty"`    // of a local camera: what it can give
}

func newDevicesCmd(term terminal) *cobra.Command {
	var source, still string
	c := &cobra.Command{
		Use: "devices", Short: "List what is plugged in and what this build can drive", Args: cobra.NoArgs,
		Long: `Lists what is plugged in and what this build can drive. With --camera it also opens that camera for three seconds and says what it
gives and how its pictures are; --still writes the last of them into a file. Nothing else is kept of what the camera sees.`,
	}
	c.Flags().StringVar(&source, "camera", "", "also look at this camera: a device, an address, a video or a folder of frames")
	c.Flags().StringVar(&still, "still", "", "write a picture (JPEG) of --camera into this file, which must not be there yet")
	mode := modeFlags(c)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if still != "" && source == "" {
			return usageError(errors.New("--still: name the camera with --camera"))
		}
		ask, err := mode()
		if err != nil {
			return usageError(err)
		}
		list := slices.Concat(readerLines(), serialLines(), cameraLines(), workerLines(cmd, term))
		if source != "" {
			line, err := lookAt(cmd, term, vision.StillQuestion{Source: source, Ask: ask, MS: lookTime}, still)
			if err != nil {
				return err
			}
			list = append(list, line)
		}
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

// cameraLines lists the local cameras by the names that stay theirs, with what they can give.
func cameraLines() []deviceLine {
	found := spec.Devices("/")
	if len(found) == 0 {
		return []deviceLine{{Kind: "camera", Name: "/dev/video0", State: "missing", Detail: "no local camera; rtsp:// and http:// addresses, videos and folders of frames work too"}}
	}
	var list []deviceLine
	for _, f := range found {
		parts := []string{f.Name, spec.Summary(f.Modes), "camera.source, gate.source"}
		if f.Denied {
			parts[1] = "this user may not open it; the group is video"
		}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		list = append(list, deviceLine{Kind: "camera", Name: f.Path, State: "there", Detail: strings.Join(parts, "; "), Modes: f.Modes})
	}
	return list
}

// modeFlags adds what a camera is asked for. The function that it returns reads them.
func modeFlags(c *cobra.Command) func() (spec.Ask, error) {
	var ask spec.Ask
	var size string
	c.Flags().StringVar(&size, "size", "", "ask the camera for pictures of this size, such as 1280x720")
	c.Flags().Float64Var(&ask.Rate, "rate", 0, "ask the camera for so many pictures a second")
	c.Flags().StringVar(&ask.Format, "format", "", "ask the camera for this pixel format: "+strings.Join(spec.Formats, " or "))
	return func() (spec.Ask, error) {
		a := ask
		if a.Format != "" && !slices.Contains(spec.Formats, a.Format) {
			return a, fmt.Errorf("--format %s: want %s", a.Format, strings.Join(spec.Formats, " or "))
		}
		if !(a.Rate >= 0 && a.Rate <= maxRate) {
			return a, fmt.Errorf("--rate %g: want 1 to %g", a.Rate, maxRate)
		}
		if size == "" {
			return a, nil
		}
		var err error
		if a.Width, a.Height, err = spec.ParseSize(size); err != nil {
			return a, fmt.Errorf("--size: %w", err)
		}
		return a, nil
	}
}

// maxRate is more pictures a second than any camera here gives.
const maxRate = 240.0

// lookTime is how long a camera is looked at, in milliseconds: long enough to say
// that it is black or covered.
const lookTime = 3000

// lookAt opens a camera for a moment.
func lookAt(cmd *cobra.Command, term terminal, q vision.StillQuestion, still string) (deviceLine, error) {
	line := deviceLine{Kind: "camera", Name: spec.Public(q.Source), State: "missing"}
	err := withWorker(cmd, term, func(w *vision.Worker) error {
		a, jpeg, err := w.Still(cmd.Context(), q)
		if errors.Is(err, vision.ErrNoCamera) {
			line.Detail = err.Error()
			if still != "" {
				return err
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at the camera: %w", err)
		}
		r := a.Report
		line.State, line.Report = "there", &r
		line.Detail = fmt.Sprintf("%d×%d", r.Width, r.Height)
		if r.FPS > 0 { // a folder has no rate
			line.Detail += fmt.Sprintf(", %.1f pictures/s", r.FPS)
		}
		line.Detail += "; " + r.Code.Words("en")
		if r.Mode != "" {
			line.Detail += "; " + r.Mode
		}
		if still == "" {
			return nil
		}
		// It may show a person: for its owner only, and over nothing that is there.
		f, err := os.OpenFile(still, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write the still: %w", err)
		}
		_, err = f.Write(jpeg)
		return errors.Join(err, f.Close())
	})
	return line, err
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
