package pcsc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ebfe/scard"

	"tram/drivers"
)

// lookAgain bounds one wait, for a service that forgets to tell.
const lookAgain = 10 * time.Second

// watch follows one reader over one PC/SC context.
type watch struct {
	link    *link
	reader  *Reader
	name    string // of the reader; empty while it is not there
	state   scard.ReaderState
	present bool
}

// step waits for the next change and tells of it.
func (w *watch) step(ctx context.Context) error {
	if w.name == "" {
		return w.findReader(ctx)
	}
	states := []scard.ReaderState{w.state}
	err := w.wait(ctx, states)
	if errors.Is(err, scard.ErrTimeout) {
		return nil
	}
	if err != nil {
		return err
	}
	return w.changed(states[0])
}

// findReader takes the reader when it is there, else waits until readers come
// or go.
func (w *watch) findReader(ctx context.Context) error {
	var names []string
	err := w.link.do(ctx, nil, func() (err error) {
		names, err = listReaders(w.link.ctx)
		return err
	})
	if err != nil {
		return err
	}
	if name, ok := match(names, w.reader.want); ok {
		if !take(name) {
			return errWatched
		}
		w.name = name
		w.state = scard.ReaderState{Reader: name, CurrentState: scard.StateUnaware}
		w.reader.found(name)
		return nil
	}
	w.reader.lost(ErrNoReader)
	pnp := takePnP()
	defer give(pnp)
	// The high word holds how many readers there were, the low one must not be
	// "unaware", or the call returns at once.
	before := scard.StateFlag(len(names)) << 16
	err = w.wait(ctx, []scard.ReaderState{{Reader: pnp, CurrentState: before}})
	if errors.Is(err, scard.ErrTimeout) {
		return nil
	}
	return err
}

// wait is SCardGetStatusChange that ends with ctx.
func (w *watch) wait(ctx context.Context, states []scard.ReaderState) error {
	return w.link.do(ctx, func() { _ = w.link.ctx.Cancel() }, func() error {
		return w.link.ctx.GetStatusChange(states, lookAgain)
	})
}

// changed compares what PC/SC says now with what it said before. The high word
// counts the cards that came and went: a card taken away and laid back between
// two looks leaves the same flags with another count.
func (w *watch) changed(now scard.ReaderState) error {
	flags := now.EventState
	if flags&(scard.StateUnknown|scard.StateUnavailable|scard.StateIgnore) != 0 {
		return ErrNoReader
	}
	first := w.state.CurrentState == scard.StateUnaware
	other := !first && flags>>16 != w.state.CurrentState>>16
	w.state.CurrentState = flags &^ scard.StateChanged
	here := flags&scard.StatePresent != 0 && flags&scard.StateMute == 0
	if w.present && (!here || other) {
		w.present = false
		w.reader.emit(Event{Kind: CardGone})
	}
	if here && !w.present {
		w.present = true
		w.reader.emit(Event{Kind: CardPresent, ATR: append([]byte(nil), now.Atr...)})
	}
	switch {
	case flags&scard.StateMute != 0:
		w.reader.set(drivers.Ready, "the card does not answer; lay it down again")
	case here:
		w.reader.set(drivers.Ready, "a card is present")
	default:
		w.reader.set(drivers.Ready, "no card")
	}
	return nil
}

// end leaves the reader.
func (w *watch) end() {
	if w.name != "" {
		give(w.name)
	}
	if w.present {
		w.present = false
		w.reader.emit(Event{Kind: CardGone})
	}
}

// errWatched says that another Reader of this process has the hardware.
var errWatched = errors.New("another part of this program already uses the reader")

// taken holds the names that are in a GetStatusChange of this process. scard
// keeps the C copy of a reader's name alive in a table by name, so a second
// call with the same name frees the first one's memory under the C library:
// no name may be waited on twice at once.
var taken struct {
	sync.Mutex
	names map[string]bool
}

func take(name string) bool {
	taken.Lock()
	defer taken.Unlock()
	if taken.names[name] {
		return false
	}
	if taken.names == nil {
		taken.names = map[string]bool{}
	}
	taken.names[name] = true
	return true
}

func give(name string) {
	taken.Lock()
	defer taken.Unlock()
	delete(taken.names, name)
}

// takePnP returns a spelling of the reader that stands for "readers come and
// go" which nobody waits on now. PC/SC compares it without case.
func takePnP() string {
	const prefix, word = `\\?PnP?\`, "notification"
	for variant := 0; ; variant++ {
		spelled := []byte(word)
		for i := range spelled {
			if variant>>(i%12)&1 == 1 {
				spelled[i] = strings.ToUpper(word[i : i+1])[0]
			}
		}
		if name := prefix + string(spelled); take(name) {
			return name
		}
	}
}
