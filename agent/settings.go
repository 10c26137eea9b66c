package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"tram/agent/profile"
	"tram/agent/pushed"
	"tram/configs"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// ErrRestart is returned by Run when the Agent is to be made anew.
var ErrRestart = errors.New("the settings changed")

// politely is how long a restart waits for the person at the counter.
const politely = 2 * time.Minute

// settle finds the settings that hold: the device's own configuration, what the
// hub has pushed over it, and what the enrolment says.
func (a *Agent) settle() error {
	var err error
	if a.pushed, err = pushed.Open(filepath.Join(a.opt.Config.StateDir(), pushedFile)); err != nil {
		return err
	}
	a.config, a.profile, err = effective(a.opt.Config, a.pushed.Current())
	if err != nil && a.pushed.Current() != (pushed.Settings{}) {
		// It passed when it came; the device's own file has changed since, or the program.
		a.pushedWrong = err
		a.log.Error("what the hub pushed does not fit this device any more and is left out", "err", err)
		if terr := a.pushed.TakeBack("the daemon cannot use it: " + err.Error()); terr != nil {
			return terr
		}
		a.config, a.profile, err = effective(a.opt.Config, pushed.Settings{})
	}
	if err != nil {
		return err
	}
	_, a.trial, _ = a.pushed.Trial()
	return a.identify()
}

// effective is a configuration with settings over it, and its profile. What is
// wrong comes back as configs.Problems.
func effective(own configs.Config, s pushed.Settings) (configs.Config, profile.Profile, error) {
	c, err := own, error(nil)
	if s.Config != "" {
		if c, err = own.Pushed([]byte(s.Config)); err != nil {
			return c, profile.Profile{}, err
		}
	}
	var p profile.Profile
	if s.Profile != "" {
		p, err = profile.Parse("pushed profile", []byte(s.Profile))
	} else {
		p, err = profile.Load(c.Profile)
	}
	if err != nil {
		return c, p, err
	}
	if problems := p.Fits("configuration", nil, c); len(problems) > 0 {
		return c, p, problems
	}
	return c, p, nil
}

// requestRestart asks Run to end with ErrRestart; it does not wait.
func (a *Agent) requestRestart() {
	select {
	case a.restart <- struct{}{}:
	default:
	}
}

// awaitRestart waits until ctx ends, or until a restart is asked for and nobody
// is at the counter, or has been for too long. It reports whether to restart.
func (a *Agent) awaitRestart(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-a.restart:
	}
	changed, stop := a.changes.watch()
	defer stop()
	limit := time.NewTimer(politely)
	defer limit.Stop()
	for a.engine.View() != nil {
		select {
		case <-ctx.Done():
			return false
		case <-limit.C:
			return true
		case <-changed:
		}
	}
	return true
}

// trier is the Agent as the commands config and profile see it.
type trier struct{ a *Agent }

// Try puts settings on trial, which ends this Agent; the next one finds the
// trial, and the same command waits there for its outcome.
func (t trier) Try(ctx context.Context, id string, within time.Duration, change func(pushed.Settings) pushed.Settings) (pushed.Outcome, error) {
	a := t.a
	if o, ok := a.pushed.Of(id); ok {
		return o, nil
	}
	if _, running, ok := a.pushed.Trial(); !ok || running != id {
		next := change(a.pushed.Current())
		if next == a.pushed.Current() {
			return pushed.Outcome{Command: id, OK: true, Text: "this is set already"}, nil
		}
		if _, _, err := effective(a.opt.Config, next); err != nil {
			return pushed.Outcome{}, err
		}
		if err := a.pushed.Begin(id, next, within); err != nil {
			return pushed.Outcome{}, err
		}
		a.log.Info("settings from the hub are on trial", "command", id, "within", within)
		a.requestRestart()
	}
	changed, stop := a.changes.watch()
	defer stop()
	for {
		if o, ok := a.pushed.Of(id); ok {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return pushed.Outcome{}, ctx.Err()
		case <-changed:
		}
	}
}

// How often a trial is looked at, and its time written down.
const (
	trialLook = 100 * time.Millisecond
	trialNote = 15 * time.Second
	trialAsk  = 3 * time.Second // how long the hub has for one answer
)

// runTrial ends the trial of the settings that this Agent was made with: they
// stay once the hub itself has been heard with them, and are taken back when the
// time is over. That a broker is there, and says that a hub is, is not enough.
func (a *Agent) runTrial(ctx context.Context) error {
	clock := time.NewTicker(trialLook)
	defer clock.Stop()
	noted := time.Now()
	for a.trial != "" {
		left, command, ok := a.pushed.Trial()
		var err error
		switch {
		case !ok || command != a.trial:
			a.trial = ""
			continue
		case a.uplink.Heard() > 0: // this Uplink was made with these settings
			a.log.Info("the hub is heard with the settings on trial: they stay", "command", command)
			err = a.pushed.Keep("the hub was heard with it")
			a.changes.signal()
		case left <= 0:
			a.log.Warn("the hub is not heard with the settings on trial: they are taken back", "command", command)
			err = a.pushed.TakeBack("taken back: the hub was not heard with it in time")
			a.requestRestart()
		case time.Since(noted) >= trialNote:
			noted = time.Now()
			err = a.pushed.Note()
		case a.uplink.State() == uplink.Connected:
			a.askHub(ctx, min(left, trialAsk))
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
	}
	<-ctx.Done()
	return nil
}

// askHub asks the hub for a sign of life; the uplink counts the answer.
func (a *Agent) askHub(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := a.uplink.Ask(ctx, wire.QuestionPing, nil); err != nil {
		a.log.Debug("the hub does not answer yet", "err", err)
	}
}

// Serve runs an Agent until ctx ends, and makes it anew when its settings
// change. Settings on trial with which it cannot even start are taken back at
// once. Each value of reload, which may be nil, is another configuration of the
// device. Started, which may be nil, is called with each Agent.
func Serve(ctx context.Context, opt Options, reload <-chan configs.Config, started func(*Agent)) error {
	for {
		a, err := New(opt)
		if err != nil {
			if takeBackUnstartable(opt, err) {
				continue
			}
			return err
		}
		if started != nil {
			started(a)
		}
		running, stop := context.WithCancel(ctx)
		watched := make(chan *configs.Config, 1)
		go func() { watched <- a.watchReload(running, reload) }()
		err = a.Run(ctx)
		stop()
		if next := <-watched; next != nil {
			opt.Config = *next
		}
		if !errors.Is(err, ErrRestart) {
			return err
		}
	}
}

// watchReload waits for another configuration of the device. One that cannot be
// used leaves the running one in place.
func (a *Agent) watchReload(ctx context.Context, reload <-chan configs.Config) *configs.Config {
	for {
		select {
		case <-ctx.Done():
			return nil
		case next := <-reload:
			if _, _, err := effective(next, a.pushed.Current()); err != nil {
				a.log.Error("the new configuration is not used; the running one stays", "err", err)
				continue
			}
			if next.StateDir() != a.config.StateDir() {
				a.log.Error("the state folder changes at a start of the daemon only; the running configuration stays")
				continue
			}
			a.requestRestart()
			return &next
		}
	}
}

// takeBackUnstartable ends a trial whose settings keep the daemon from starting.
func takeBackUnstartable(opt Options, why error) bool {
	if errors.Is(why, ErrRunning) {
		return false // another daemon has the trial
	}
	s, err := pushed.Open(filepath.Join(opt.Config.StateDir(), pushedFile))
	if err != nil {
		return false
	}
	if _, _, ok := s.Trial(); !ok {
		return false
	}
	if err := s.TakeBack(fmt.Sprintf("taken back: the daemon cannot start with it: %v", why)); err != nil {
		return false
	}
	opt.Log.Error("settings on trial are taken back: the daemon cannot start with them", "err", why)
	return true
}
