package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/kiosk"
)

func newStatusCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "Show what the running daemon is doing", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var s agent.Status
		err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).GetJSON(cmd.Context(), "/v1/status", &s)
		if errors.Is(err, kiosk.ErrNoServer) {
			return failed(exitNotThere, "start it with: tram run, or name its folder with --state", "no daemon runs on %s", stateDir(cmd))
		}
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, s)
		}
		rows := [][]string{
			{"device", s.Device + " at " + s.Site}, {"version", s.Version}, {"profile", s.Profile}, {"visit", s.Stage},
			{"hub", hubLine(s.Hub)}, {"clock", s.Clock}, {"commands", fmt.Sprintf("%d wait, %d replies to send", s.Commands.Waiting, s.Commands.Replies)}, {},
		}
		for _, h := range s.Health {
			rows = append(rows, []string{h.Status, h.ID, h.Text, h.Remedy})
		}
		return table(term.out, rows)
	}
	return c
}

func hubLine(h agent.HubStatus) string {
	broker := h.Broker
	if broker == "" {
		broker = "no broker"
	}
	line := fmt.Sprintf("%s, %s, %d records wait", h.State, broker, h.Waiting)
	if !h.Enrolled {
		line += ", not enrolled"
	}
	return line
}
