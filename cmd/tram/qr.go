package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/drivers/cccd"
	"tram/vision"
)

func newQRCmd(term terminal) *cobra.Command {
	return group("qr", "Read what QR codes say", newQRParseCmd(term), newQRDecodeCmd(term))
}

func newQRParseCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "parse TEXT",
		Short: "Parse the text of a code: CCCD, căn cước, VNeID, BHYT",
		Long: `Parses the text of a QR code. TEXT "-" reads it from standard input. A text that is not the code of an ID card has the
kind "opaque"; that is an answer and no error.`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		text := []byte(args[0])
		if args[0] == "-" {
			var err error
			if text, err = io.ReadAll(io.LimitReader(term.in, 64<<10)); err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
		}
		qr, err := cccd.ParseQR(text)
		if err != nil {
			return failed(exitFailed, "scan the code on the card itself, or the one that VNeID shows", "cannot read the code: %v", err)
		}
		fields := qr.Fields()
		if *asJSON {
			return printJSON(term.out, fields)
		}
		kind := string(qr.Kind)
		if qr.Kind == cccd.KindOpaque {
			kind += ": not the code of an ID card"
		}
		rows := [][]string{{"kind", kind}}
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if value := fmt.Sprint(fields[key]); key != "kind" && value != "" && value != "[]" {
				rows = append(rows, []string{key, value})
			}
		}
		return table(term.out, rows)
	}
	return c
}

// qrLine is one picture's outcome.
type qrLine struct {
	File  string  `json:"file"`
	Text  string  `json:"text,omitempty"`
	Kind  string  `json:"kind,omitempty"`
	MS    float64 `json:"ms"`
	Error string  `json:"error,omitempty"`
}

// maxPicture bounds a picture file that a person names.
const maxPicture = 32 << 20

func newQRDecodeCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "decode FILE...",
		Short: "Decode the QR codes in pictures",
		Long: `Decodes the QR codes in pictures: JPEG, JPEG 2000, PNG, WebP, BMP, and of a GIF the first picture; at most 25 million pixels and
32 MiB each. All codes of a picture are told, a line for each. It ends with 1 when one of the pictures held no code or could not be read.`,
		Args: cobra.MinimumNArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, files []string) error {
		return withWorker(cmd, term, func(w *vision.Worker) error {
			undecoded := 0
			for _, file := range files {
				lines := decodeFile(cmd, w, file)
				for _, line := range lines {
					if line.Error != "" {
						undecoded++
					}
					if *asJSON {
						if err := printLine(term.out, line); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(term.out, "%s: %s\n", line.File, strings.TrimSpace(line.Kind+" "+line.Text+line.Error))
				}
			}
			if undecoded > 0 {
				return quiet(exitFailed)
			}
			return nil
		})
	}
	return c
}

func decodeFile(cmd *cobra.Command, w *vision.Worker, file string) []qrLine {
	began := time.Now()
	data, err := readPicture(file)
	var texts []string
	if err == nil {
		texts, err = w.DecodeQR(cmd.Context(), data)
	}
	ms := millis(time.Since(began))
	if err != nil {
		return []qrLine{{File: file, MS: ms, Error: err.Error()}}
	}
	if len(texts) == 0 {
		return []qrLine{{File: file, MS: ms, Error: "no code found"}}
	}
	var lines []qrLine
	for _, text := range texts {
		line := qrLine{File: file, Text: text, MS: ms, Kind: "opaque"}
		if qr, err := cccd.ParseQR([]byte(text)); err == nil {
			line.Kind = string(qr.Kind)
		}
		lines = append(lines, line)
	}
	return lines
}

// readPicture reads a picture file of a bounded size.
func readPicture(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	if info.Size() > maxPicture {
		return nil, fmt.Errorf("read picture: %s has %d bytes; at most %d are read", file, info.Size(), maxPicture)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	return data, nil
}
