package main

import (
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tram/hub"
	"tram/sync/wire"
)

// Bounds of a file of people who may pass.
const (
	maxAllowFile  = 16 << 20
	maxAllowed    = 20_000
	allowedInPart = 1_000 // entries of one order
)

// allowed is one line of the list as devices take it.
type allowed struct {
	Hash  []byte     `json:"hash"`
	Group string     `json:"group,omitempty"`
	From  *time.Time `json:"from,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// allowList is the data of one order, or of one part of it.
type allowList struct {
	Version uint64     `json:"version"`
	Part    int        `json:"part,omitempty"`
	Parts   int        `json:"parts,omitempty"`
	Salt    []byte     `json:"salt"`
	Rounds  int        `json:"rounds"`
	Until   *time.Time `json:"until,omitempty"`
	Entries []allowed  `json:"entries"`
}

func newAllowListCmd(term terminal) *cobra.Command {
	var until string
	var rounds int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "allow-list DEVICE FILE.csv",
		Short: "Tell a gate who may pass: numbers in, salted hashes out",
		Long: `Reads a file of people who may pass and orders the device to take it in the place of the list before. The numbers
stay here: the device gets slow salted hashes of them, with a new salt for each list.

FILE has a line for each person: number, and where wanted group, from and until (2027-01-31, or RFC 3339; until a
day means until its end). A first line of headings is passed over. An empty file lets nobody through.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			list := allowList{Version: uint64(time.Now().Unix()), Salt: make([]byte, wire.MinAllowSalt), Rounds: rounds} //nolint:gosec // after 1970
			var err error
			if until != "" {
				if list.Until, err = allowTime(until, true); err != nil {
					return usage("--until: " + err.Error())
				}
			}
			if _, err := rand.Read(list.Salt); err != nil {
				return fmt.Errorf("make a salt: %w", err)
			}
			people, err := readAllowed(args[1])
			if err != nil {
				return err
			}
			entries, err := hashAllowed(people, list.Salt, rounds)
			if err != nil {
				return err
			}
			return orderList(cmd, term, args[0], list, entries, asJSON)
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "day or time after which nobody of the list may pass")
	cmd.Flags().IntVar(&rounds, "rounds", wire.DefaultAllowRounds, "of PBKDF2: what each guess at a number costs")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// orderList gives the device the list, in as many orders as it takes.
func orderList(cmd *cobra.Command, term terminal, device string, list allowList, entries []allowed, asJSON bool) error {
	parts := max(1, (len(entries)+allowedInPart-1)/allowedInPart)
	var orders []string
	for i := range parts {
		list.Entries = entries[i*allowedInPart : min(len(entries), (i+1)*allowedInPart)]
		if list.Entries == nil {
			list.Entries = []allowed{}
		}
		if parts > 1 {
			list.Part, list.Parts = i+1, parts
		}
		raw, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("encode the list: %w", err)
		}
		view, err := placeFlags(cmd).Give(cmd.Context(), hub.Order{Device: device, Name: "allow-list", Data: raw})
		if err != nil {
			return err
		}
		orders = append(orders, view.ID)
	}
	if asJSON {
		return json.NewEncoder(term.out).Encode(map[string]any{"device": device, "version": list.Version, "entries": len(entries), "commands": orders})
	}
	fmt.Fprintf(term.err, "%d people may pass at %s; it takes the list when it is online (version %d)\n", len(entries), device, list.Version)
	return nil
}

// person is a line of the file.
type person struct {
	line   int
	number string
	allowed
}

// readAllowed reads the file. What is wrong with a line is told without what
// stands in it.
func readAllowed(path string) ([]person, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read who may pass: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(io.LimitReader(f, maxAllowFile))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = -1, true, '#'
	var people []person
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		line, _ := r.FieldPos(0)
		if err != nil || len(fields) > 4 {
			return nil, usage(fmt.Sprintf("%s:%d: not a line of number, group, from, until", path, line))
		}
		fields[0] = strings.TrimPrefix(fields[0], "\ufeff") // as spreadsheets begin their files
		if len(people) == 0 && !strings.ContainsAny(fields[0], "0123456789") {
			continue // headings
		}
		p := person{line: line, number: fields[0]}
		if len(fields) > 1 {
			p.Group = fields[1]
		}
		for i, t := range []struct {
			into *(*time.Time)
			end  bool
		}{{&p.From, false}, {&p.Until, true}} {
			if len(fields) <= i+2 || strings.TrimSpace(fields[i+2]) == "" {
				continue
			}
			if *t.into, err = allowTime(strings.TrimSpace(fields[i+2]), t.end); err != nil {
				return nil, usage(fmt.Sprintf("%s:%d: %v", path, line, err))
			}
		}
		if p.From != nil && p.Until != nil && !p.Until.After(*p.From) {
			return nil, usage(fmt.Sprintf("%s:%d: it ends before it begins", path, line))
		}
		if people = append(people, p); len(people) > maxAllowed {
			return nil, usage(fmt.Sprintf("%s: more than %d people", path, maxAllowed))
		}
	}
}

var errAllowTime = errors.New("a time is 2027-01-31 or 2027-01-31T17:00:00+07:00")

// allowTime reads a day of this machine's zone, or a time; the end of the day where that is meant.
func allowTime(text string, end bool) (*time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return &t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return nil, errAllowTime
	}
	if end {
		t = t.AddDate(0, 0, 1).Add(-time.Second)
	}
	return &t, nil
}

// hashAllowed replaces the numbers by hashes, on all cores: each is made slow.
func hashAllowed(people []person, salt []byte, rounds int) ([]allowed, error) {
	out := make([]allowed, len(people))
	errs := make([]error, len(people))
	var wg sync.WaitGroup
	workers := max(1, runtime.NumCPU())
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(people); i += workers {
				hash, err := wire.AllowHash(people[i].number, salt, rounds)
				if err != nil {
					errs[i] = usage(fmt.Sprintf("line %d: %v", people[i].line, err))
				}
				out[i] = people[i].allowed
				out[i].Hash = hash[:]
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}
