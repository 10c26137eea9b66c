package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/agent/signin"
)

func newTokenCmd(term terminal) *cobra.Command {
	return group("token", "Programs that may use the local API", newTokenNewCmd(term), newTokenLsCmd(term), newTokenRmCmd(term))
}

func newTokenNewCmd(term terminal) *cobra.Command {
	var scopes, origins []string
	c := &cobra.Command{
		Use: "new NAME --scope SCOPE…", Short: "Make a token for a program; it is shown once", Args: cobra.ExactArgs(1),
		Long: "Makes a token for a program and prints it: it is kept nowhere else, only its hash. Scopes: " + strings.Join(signin.Scopes, ", ") +
			".\nA program that runs in a web page also needs --origin, and the same origin in kiosk.origins of the configuration.",
	}
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do; several, or separated by commas")
	c.Flags().StringSliceVar(&origins, "origin", nil, "a page that it may be used from, like https://his.example")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		client := signin.Client{Name: args[0], Scopes: scopes, Origins: origins}
		token, err := signin.OpenTokens(stateDir(cmd)).New(client, time.Now())
		if isOneOf(err, signin.ErrName, signin.ErrScope, signin.ErrOrigin) {
			return usageError(err)
		}
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, map[string]any{"name": client.Name, "scopes": scopes, "origins": append([]string{}, origins...), "token": token})
		}
		fmt.Fprintln(term.err, "Keep this token now: it is not shown again.")
		_, err = fmt.Fprintln(term.out, token)
		return err
	}
	return c
}

func newTokenLsCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "ls", Short: "List the programs that have a token", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		clients, err := signin.OpenTokens(stateDir(cmd)).List()
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, map[string]any{"tokens": clients})
		}
		rows := [][]string{{"NAME", "SCOPES", "ORIGINS", "SINCE"}}
		for _, c := range clients {
			rows = append(rows, []string{c.Name, strings.Join(c.Scopes, " "), strings.Join(c.Origins, " "), c.Made.Local().Format(time.DateTime)})
		}
		return table(term.out, rows)
	}
	return c
}

func newTokenRmCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "rm NAME", Short: "End a program's token at once", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return removed(term, *asJSON, args[0], signin.OpenTokens(stateDir(cmd)).Remove(args[0]))
	}
	return c
}
