package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/register"
)

func newTripCmd(term terminal) *cobra.Command {
	g := group("trip", "Open and close a coach's trips, and take their passenger lists")
	g.Long = `Looks after the trips of a coach. The daemon is asked when it runs, else its register is opened. A TRIP is an id, the beginning of one,
or a route; without it, the newest that is open. Whoever boards belongs to the open trip. Every look goes into the access log.`
	g.AddCommand(newTripOpenCmd(term), newTripLsCmd(term), newTripCloseCmd(term), newTripPassengersCmd(term))
	return g
}

// asker adds the flags of a command that asks the register, and returns what
// completes its orders.
func asker(c *cobra.Command) func(agent.RegisterOrder) agent.RegisterOrder {
	who := c.Flags().String("who", operator(), "who asks, for the access log")
	return func(o agent.RegisterOrder) agent.RegisterOrder {
		o.Who = *who
		return o
	}
}

func newTripOpenCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "open ROUTE", Short: "Open a trip: who boards from now on belongs to it", Args: cobra.ExactArgs(1)}
	asJSON, order := jsonFlag(c), asker(c)
	vehicle := c.Flags().String("vehicle", "", "the coach's number plate")
	departs := c.Flags().String("departs", "", "when it leaves: 14:30, today at the place (UTC+7), or 2026-03-02T14:30")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		at, err := departure(*departs, time.Now())
		if err != nil {
			return usageError(err)
		}
		var t register.Trip
		o := order(agent.RegisterOrder{Do: "open-trip", Trip: register.Trip{Route: args[0], Vehicle: *vehicle, Departs: at}})
		if err := askRegister(cmd, o, &t); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, t)
		}
		return printTrips(term, []register.Trip{t})
	}
	return c
}

// departure reads a time of today, or a day and a time, at the place.
func departure(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.ParseInLocation("2006-01-02T15:04", text, register.Place); err == nil {
		return at, nil
	}
	clock, err := time.ParseInLocation("15:04", text, register.Place)
	if err != nil {
		return time.Time{}, errors.New("write when it departs as 14:30 or 2026-03-02T14:30")
	}
	y, m, d := now.In(register.Place).Date()
	return time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, register.Place), nil
}

func newTripLsCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "ls", Short: "List today's trips and those still open", Args: cobra.NoArgs}
	asJSON, order := jsonFlag(c), asker(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var list []register.Trip
		if err := askRegister(cmd, order(agent.RegisterOrder{Do: "trips"}), &list); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, map[string]any{"trips": list})
		}
		return printTrips(term, list)
	}
	return c
}

func newTripCloseCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "close [TRIP]", Short: "Close a trip: nobody boards it any more, and the time of its list begins", Args: cobra.MaximumNArgs(1)}
	asJSON, order := jsonFlag(c), asker(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var list agent.TripList
		if err := askRegister(cmd, order(agent.RegisterOrder{Do: "close-trip", ID: named(args)}), &list); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, list.Trip)
		}
		return printTrips(term, []register.Trip{list.Trip})
	}
	return c
}

func newTripPassengersCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "passengers [TRIP]", Short: "Print the passenger list of a trip", Args: cobra.MaximumNArgs(1),
		Long: `Prints the passenger list of a trip: on the terminal, or with --format as the paper that goes along (html prints on A4).`,
	}
	asJSON, order := jsonFlag(c), asker(c)
	format, out := paperFlags(c, "")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		o := order(agent.RegisterOrder{Do: "passengers", ID: named(args)})
		var list agent.TripList
		if err := askRegister(cmd, o, &list); err != nil {
			return err
		}
		switch {
		case *format != "" || *out != "":
			o.Do, o.Form.Name, o.Form.Trip = "paper", "passengers", list.Trip.ID
			return takePaper(cmd, term, o, *format, *out)
		case *asJSON:
			return printJSON(term.out, list)
		}
		rows := [][]string{{"NO", "NAME", "BOARDED", "SEAT", "HUB"}}
		for i, p := range list.Passengers {
			hub := "waits"
			if p.Delivered != nil {
				hub = "has it"
			}
			rows = append(rows, []string{fmt.Sprint(i + 1), p.Name, p.Time.In(register.Place).Format("15:04:05"), p.Answers["seat"], hub})
		}
		return errors.Join(printTrips(term, []register.Trip{list.Trip}), table(term.out, rows))
	}
	return c
}

func named(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func printTrips(term terminal, list []register.Trip) error {
	rows := [][]string{{"TRIP", "ROUTE", "VEHICLE", "DEPARTS", "BOARDED", "STATE"}}
	for _, t := range list {
		departs, state := "-", register.StateOpen
		if !t.Departs.IsZero() {
			departs = t.Departs.In(register.Place).Format("02/01 15:04")
		}
		if !t.Closed.IsZero() {
			state = register.StateClosed
		}
		boarded := fmt.Sprint(t.Boarded)
		if t.Expected > 0 {
			boarded = fmt.Sprintf("%d of %d", t.Boarded, t.Expected)
		}
		rows = append(rows, []string{t.ID, t.Route, t.Vehicle, departs, boarded, state})
	}
	return table(term.out, rows)
}

// askRegister asks the daemon, or works on the file when none runs.
func askRegister(cmd *cobra.Command, o agent.RegisterOrder, into any) error {
	answer, err := registerAnswer(cmd, o)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}
