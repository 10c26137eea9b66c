package passage

import "tram/agent/visit"

// Why somebody may not pass.
const (
	NoList      = "no_list"      // the hub never sent one, or it cannot be read
	ListExpired = "list_expired" // the list as a whole is over
	NotOnList   = "not_on_list"
	NotYet      = "not_yet" // their time has not begun
	Over        = "over"    // their time is over
)

// CodeNotAllowed is the alarm of who may not pass.
const CodeNotAllowed = "not_allowed"

// HostQuestion is the question whose answer says to whom a visitor goes.
const HostQuestion = "host"

// Decision is whether a number may pass.
type Decision struct {
	Allow  bool
	Reason string // "" when allowed
	Group  string // of the entry that allows it
}

// Decide looks a number up. It takes the time of one hash and asks nobody.
func (g *Gate) Decide(number string) Decision {
	list, err := g.opt.List()
	if err != nil {
		g.opt.Log.Error("the allow list cannot be read: nobody is let through", "err", err)
		return Decision{Reason: NoList}
	}
	if list.Version == 0 {
		return Decision{Reason: NoList}
	}
	now, right := g.opt.Clock()
	// It is not earlier than when the list came, whatever a clock without battery says.
	if !right && now.Before(list.Received) {
		now = list.Received
	}
	if !list.Until.IsZero() && !now.Before(list.Until) {
		return Decision{Reason: ListExpired}
	}
	reason := NotOnList
	for _, entry := range list.Of(number) {
		switch {
		case now.Before(entry.From):
			if reason == NotOnList {
				reason = NotYet
			}
		case !entry.Until.IsZero() && !now.Before(entry.Until):
			reason = Over
		default:
			return Decision{Allow: true, Group: entry.Group}
		}
	}
	return Decision{Reason: reason}
}

// Look is the alarm of an entry that may not pass. It stops the visit, unless
// the answers say to whom a visitor goes; then a clerk may let them in.
func (g *Gate) Look(e visit.Entry) []visit.Alarm {
	d := g.Decide(e.Number.Reveal())
	if d.Allow {
		return nil
	}
	return []visit.Alarm{{Code: CodeNotAllowed, Stop: e.Answers.Reveal()[HostQuestion] == "", Detail: d.Reason}}
}

// visitor reports whether a clerk lets somebody in who is not on the list.
func visitor(e visit.Entry) bool {
	return e.Clerk != "" && e.Answers.Reveal()[HostQuestion] != ""
}
