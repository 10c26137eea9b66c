package kiosk_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/signin"
	"tram/agent/visit"
)

// deskTabs are what a house's clerk may see.
var deskTabs = []string{"now", "today", "stays", "deadlines", "alarms", "queue", "papers", "requests", "declare"}

// narrow checks that a staff page is no wider than the screen: its tables scroll in themselves.
func (s *screen) narrow(where string) {
	s.t.Helper()
	if over := eval[int](s, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		s.t.Errorf("%s: %d px wider than the screen", where, over)
	}
}

func (s *screen) tab(id string) {
	s.t.Helper()
	s.click("tab-" + id)
	s.until("tab "+id+" is shown", fmt.Sprintf(`document.querySelector('[data-key="tab-%s"]')?.getAttribute('aria-selected') === 'true' && document.querySelector('#panel').childElementCount > 0`, id))
}

func TestTheStaffsPagesHoldLongListsEmptyOnesAndErrors(t *testing.T) {
	t.Parallel()
	for _, role := range []struct {
		role signin.Role
		path string
		tabs []string
	}{{signin.Clerk, "/desk", deskTabs}, {signin.Technician, "/tech", []string{"devices", "cameras", "queue", "health"}}} {
		t.Run(string(role.role), func(t *testing.T) {
			s, o := enter(t, role.role, role.path)
			for _, of := range []struct {
				name   string
				many   int32
				broken bool
			}{{"many", 15, false}, {"empty", -1, false}, {"error", 0, true}} {
				o.many.Store(of.many)
				o.broken.Store(of.broken)
				for _, size := range sizes {
					if of.many <= 0 && size != sizes[2] {
						continue // what is short fits where it fits on the smallest
					}
					s.do(chromedp.EmulateViewport(size[0], size[1]))
					for _, tab := range role.tabs {
						s.tab(tab)
						where := fmt.Sprintf("%s %s %s", role.path, tab, of.name)
						if of.many > 0 {
							s.accessible(where)
						} else { // one paragraph, the same in each list
							s.accessible(role.path + " " + of.name)
						}
						s.narrow(where)
						if failing := tab != "now" && tab != "papers" && tab != "declare" && tab != "cameras" && !(tab == "queue" && role.path == "/tech"); of.broken && failing {
							s.until(where+" is said", `!!document.querySelector('#panel [role=alert]') && !!document.querySelector('[data-key="again"]')`)
						}
						s.shoot(fmt.Sprintf("%dx%d-%s-%s-%s", size[0], size[1], role.role, tab, of.name))
					}
				}
				s.language("en")
				s.tab(role.tabs[1])
				s.narrow("English " + of.name)
				s.shoot(fmt.Sprintf("%s-%s-en", role.role, of.name))
				s.language("vi")
			}
		})
	}
}

// A house with 500 guests: the list is there at once, stays where the clerk
// scrolled to when it is read again, and every row can be pressed.
func TestAListOfFiveHundredStaysIsUsable(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Clerk, "/desk", func(n *visit.Snapshot) { n.Profile.Register = "stays" })
	o.many.Store(500)
	s.click("tab-stays")
	s.until("all are listed", `document.querySelectorAll('[data-key^="checkout-"]').length === 500`)
	s.narrow("500 stays")
	eval[bool](s, `(scrollTo(0, 9000), document.querySelector('[data-key="checkout-e250"]').focus({ preventScroll: true }), true)`)
	s.mark("checkout-e250")
	s.anew("checkout-e250")
	if got := eval[string](s, `scrollY + ' ' + document.activeElement.dataset.key`); got != "9000 checkout-e250" {
		t.Errorf("after the list was read again: got %s, want the same place and focus", got)
	}
	s.click("checkout-e499")
	eventually(t, "the check-out is sent", o.called("mai closes e499"))
}

func TestAnActionThatIsRefusedIsSaidAboveTheList(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Clerk, "/desk")
	s.click("tab-stays")
	o.held.Store(true)
	s.click("checkout-e1")
	s.says("đang được giữ")
	s.accessible("refused")
	s.click("tab-today")
	s.until("it is gone with the list", `document.getElementById('problem').hidden`)
}
