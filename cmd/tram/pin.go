package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tram/agent/signin"
)

func newPINCmd(term terminal) *cobra.Command {
	return group("pin", "Who may sign in on the screen as clerk or technician", newPINSetCmd(term), newPINLsCmd(term), newPINRmCmd(term))
}

func newPINSetCmd(term terminal) *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "set NAME --role clerk|technician", Short: "Give a person a PIN, or another one", Args: cobra.ExactArgs(1),
		Long: "Reads the PIN from the terminal, or as one line from standard input. A PIN has 6 to 64 characters. A new one also ends a lock after wrong ones.",
	}
	c.Flags().StringVar(&role, "role", "", "clerk: the register of this counter; technician: the device")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if role == "" {
			return usageError(errors.New("--role clerk or --role technician is missing"))
		}
		pin, err := askPIN(term)
		if err != nil {
			return err
		}
		if err := signin.OpenPeople(stateDir(cmd)).Set(args[0], signin.Role(role), pin, time.Now()); err != nil {
			if isOneOf(err, signin.ErrName, signin.ErrRole) {
				return usageError(err)
			}
			return err
		}
		if *asJSON {
			return printJSON(term.out, map[string]string{"name": args[0], "role": role})
		}
		_, err = fmt.Fprintf(term.out, "%s may sign in as %s\n", args[0], role)
		return err
	}
	return c
}

// askPIN reads a PIN: from a terminal without showing it, else the first line.
func askPIN(term terminal) (string, error) {
	if f, ok := term.in.(*os.File); ok {
		if restore, err := hideInput(int(f.Fd())); err == nil {
			fmt.Fprint(term.err, "PIN: ")
			defer func() {
				restore()
				fmt.Fprintln(term.err)
			}()
		}
	}
	line, err := bufio.NewReader(io.LimitReader(term.in, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the PIN: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// hideInput turns a terminal's echo off until restore.
func hideInput(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}

func newPINLsCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "ls", Short: "List who may sign in", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		people, err := signin.OpenPeople(stateDir(cmd)).List()
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(term.out, map[string]any{"people": people})
		}
		rows := [][]string{{"NAME", "ROLE", "SINCE"}}
		for _, p := range people {
			rows = append(rows, []string{p.Name, string(p.Role), p.Made.Local().Format(time.DateTime)})
		}
		return table(term.out, rows)
	}
	return c
}

func newPINRmCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "rm NAME", Short: "Let a person sign in no more", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return removed(term, *asJSON, args[0], signin.OpenPeople(stateDir(cmd)).Remove(args[0]))
	}
	return c
}

// removed tells that a name is gone, or that it was not there.
func removed(term terminal, asJSON bool, name string, err error) error {
	if errors.Is(err, signin.ErrUnknown) {
		return failed(exitFailed, "ls shows the names", "there is no %s", name)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(term.out, map[string]string{"removed": name})
	}
	_, err = fmt.Fprintf(term.out, "%s is removed\n", name)
	return err
}
