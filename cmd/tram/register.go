package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/agent/register"
	"tram/sync/seal/rest"
)

func newRegisterCmd(term terminal) *cobra.Command {
	g := group("register", "Look after what this device remembers of people, and a person's rights to it")
	g.Long = `Looks after the local register: open stays, passengers, who was admitted. The daemon is asked when it runs, else the
file is opened. Every look goes into the access log, with who (this user, or --who) and why.`
	sub := func(use, short string, args int, need string, fill func(o *agent.RegisterOrder, args []string) error) {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args)}
		asJSON := jsonFlag(c)
		why := c.Flags().String("why", "", "the reason, for the access log; name nobody in it")
		who := c.Flags().String("who", operator(), "who asks, for the access log")
		c.RunE = func(cmd *cobra.Command, args []string) error {
			o := agent.RegisterOrder{Do: cmd.Name(), Who: *who, Why: *why}
			if need != "" && *why == "" {
				return usageError(errors.New(need))
			}
			if err := fill(&o, args); err != nil {
				return err
			}
			return registerOrder(cmd, term, o, *asJSON)
		}
		g.AddCommand(c)
	}
	none := func(*agent.RegisterOrder, []string) error { return nil }
	id := func(o *agent.RegisterOrder, args []string) error { o.ID = args[0]; return nil }
	const reason = "say why with --why: it goes into the access log"
	sub("ls", "List today's entries, numbers masked", 0, "", none)
	sub("stays", "List the open stays, until when each has to be declared, and whether that was late", 0, "", none)
	sub("find NUMBER", "Find a person's entries", 1, reason, func(o *agent.RegisterOrder, args []string) error { o.Number = args[0]; return nil })
	sub("export ID", "Print all that is kept of an entry, for the person it is about", 1, reason, id)
	sub("correct ID FIELD=VALUE", "Correct a field of an entry", 2, reason, func(o *agent.RegisterOrder, args []string) error {
		field, value, ok := strings.Cut(args[1], "=")
		if !ok {
			return usageError(errors.New("write what is to be corrected as FIELD=VALUE"))
		}
		o.ID, o.Fields = args[0], map[string]string{field: value}
		return nil
	})
	sub("delete ID", "Delete an entry: its key is destroyed", 1, reason, id)
	sub("hold ID", "Keep an entry from being deleted, by legal order", 1, reason, id)
	sub("release ID", "End a legal hold", 1, reason, id)
	sub("requests", "List people's requests and their legal timers", 0, "", none)
	sub("request KIND ID", "Write a request down: find, export, correct, delete or restrict", 2, "", func(o *agent.RegisterOrder, args []string) error {
		o.Kind, o.ID = args[0], args[1]
		return nil
	})
	sub("settle REQUEST STATE", "Say that a request is answered, done or refused", 2, "", func(o *agent.RegisterOrder, args []string) error {
		o.ID, o.State = args[0], args[1]
		return nil
	})
	sub("log", "Print who looked at what, and why", 0, "", none)
	sub("deletions", "Print the proof of what was deleted", 0, "", none)
	sub("verify", "Check the chains of both logs (exit code 3 when one does not hold)", 0, "", none)
	sub("absent", "List who of the roster did not come", 0, "", none)
	sub("inside", "List who passed in and not out since, for an evacuation", 0, "", none)
	sub("aggregate", "Count stays by reason, age, nationality and length; cells below five are withheld", 0, "", none)
	sub("roster FILE", "Take over a roster or passenger list from a CSV file", 1, "", func(o *agent.RegisterOrder, args []string) (err error) {
		o.File, err = os.ReadFile(args[0])
		return err
	})
	g.AddCommand(newPaperCmd(term))
	sub("sweep", "Delete now what its profile's time is over for", 0, "", none)
	return g
}

// operator is who runs the command.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// registerOrder carries an order out and prints what came of it.
func registerOrder(cmd *cobra.Command, term terminal, o agent.RegisterOrder, asJSON bool) error {
	answer, err := registerAnswer(cmd, o)
	if err != nil {
		return err
	}
	if o.Do == "verify" {
		var v register.Verdict
		if err := json.Unmarshal(answer, &v); err != nil {
			return err
		}
		if v.Chain != "ok" {
			return errors.Join(printJSON(term.out, answer), failed(exitNotVerified, "keep the file, and tell who is responsible for the data", "the register's logs do not hold: %s", v.Reason))
		}
	}
	var list []json.RawMessage
	if !asJSON && json.Unmarshal(answer, &list) == nil {
		for _, line := range list { // a line each is what people and pipes can read
			if err := printLine(term.out, line); err != nil {
				return err
			}
		}
		return nil
	}
	return printJSON(term.out, answer)
}

// registerAnswer asks the daemon, or works on the file when none runs.
func registerAnswer(cmd *cobra.Command, o agent.RegisterOrder) (json.RawMessage, error) {
	var answer json.RawMessage
	err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).PostJSON(cmd.Context(), "/v1/register/do", o, &answer)
	if errors.Is(err, kiosk.ErrNoServer) {
		answer, err = registerFile(cmd, o)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the register: %w", err)
	}
	return answer, nil
}

// registerFile works on the file itself. Without the profile it neither keeps
// less nor longer: every entry has its own clock.
func registerFile(cmd *cobra.Command, o agent.RegisterOrder) (json.RawMessage, error) {
	state := stateDir(cmd)
	if _, err := os.Stat(agent.RegisterPath(state)); err != nil {
		return nil, failed(exitNotThere, "name the device's folder with --state; a daemon that never ran has no register", "there is no register at %s", agent.RegisterPath(state))
	}
	box, err := rest.LoadOrCreate(agent.RestKeyPath(state))
	if err != nil {
		return nil, err
	}
	r, err := register.Open(agent.RegisterPath(state), register.Options{Box: box})
	if err != nil {
		return nil, err
	}
	v, err := agent.RegisterDo(cmd.Context(), agent.Papers{Register: r, State: state}, o)
	answer, errJSON := json.Marshal(v)
	return answer, errors.Join(err, errJSON, r.Close())
}
