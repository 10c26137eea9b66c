package agent

import (
	"context"
	"time"

	"tram/agent/health"
	"tram/agent/keep"
	"tram/agent/metrics"
	"tram/agent/profile"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/emrtd"
	"tram/sync/inbox"
	"tram/sync/outbox"
	"tram/sync/uplink"
)

// Status is what "tram status" prints; no personal data.
type Status struct {
	Device   string            `json:"device"`
	Site     string            `json:"site"`
	Version  string            `json:"version"`
	Profile  string            `json:"profile"`
	UpSec    int               `json:"upSeconds"`
	Stage    string            `json:"stage"`
	Hub      HubStatus         `json:"hub"`
	Commands inbox.Stat        `json:"commands"`
	Settings SettingsStatus    `json:"settings"`
	Lists    map[string]uint64 `json:"lists"` // versions of what the hub gave; 0: none
	Clock    string            `json:"clock"` // "synced", "unsynced"
	Devices  []drivers.Status  `json:"devices"`
	Health   []health.Check    `json:"health"`
}

// HubStatus is the way to the hub.
type HubStatus struct {
	Broker    string `json:"broker"`
	State     string `json:"state"`   // "connected", "offline", "hub-down", "duplicate-identity"
	Waiting   uint64 `json:"waiting"` // accepted and not yet delivered
	Discarded uint64 `json:"discarded"`
	Enrolled  bool   `json:"enrolled"`
	// CertificateDays are left of the certificate's life; null without one.
	CertificateDays *int `json:"certificateDays"`
	Signed          bool `json:"signed"` // the hub's signing key is known: its words are checked
}

// SettingsStatus is what the hub has set on this device.
type SettingsStatus struct {
	Config      bool   `json:"config"`  // it has pushed keys of the configuration
	Profile     bool   `json:"profile"` // it has pushed a profile
	Trial       bool   `json:"trial"`   // and they are on trial
	LeftSeconds int    `json:"leftSeconds,omitempty"`
	Last        string `json:"last,omitempty"` // how the last trial ended
}

func (d admin) Status(context.Context) (any, error) {
	a := d.a
	c := a.config
	stat, err := a.store.Stat()
	if err != nil {
		return nil, err
	}
	status := Status{
		Device: c.Device.Name, Site: c.Device.Site, Version: a.opt.Version, Profile: a.profile.Name,
		UpSec: int(time.Since(a.started).Seconds()), Stage: string(visit.StageIdle), Clock: stat.Clock,
		Hub: HubStatus{
			Broker: c.Hub.Broker, State: a.uplink.State(), Waiting: stat.Pending, Discarded: stat.Discarded,
			Enrolled: a.identity.enrolment != nil, Signed: a.hubKeys.Signs(),
		},
		Settings: a.settingsStatus(), Lists: map[string]uint64{}, Devices: a.statuses(),
	}
	for _, kind := range listKinds {
		status.Lists[string(kind)] = a.lists.Version(kind)
	}
	if status.Commands, err = a.inbox.Stat(); err != nil {
		return nil, err
	}
	if pair := a.identity.pair; pair != nil && !pair.Until().IsZero() {
		days := int(pair.Until().Sub(a.identity.clock.Now()).Hours() / 24)
		status.Hub.CertificateDays = &days
	}
	if v := a.engine.View(); v != nil {
		status.Stage = string(v.Stage)
	}
	status.Health = a.health(status, stat)
	return status, nil
}

func (a *Agent) settingsStatus() SettingsStatus {
	current := a.pushed.Current()
	s := SettingsStatus{Config: current.Config != "", Profile: current.Profile != ""}
	if left, _, ok := a.pushed.Trial(); ok {
		s.Trial, s.LeftSeconds = true, int(left.Seconds())
	}
	if last, ok := a.pushed.Last(); ok {
		s.Last = last.Text
	}
	return s
}

// health is all that is wrong, and what was looked at and is right.
func (a *Agent) health(s Status, stat outbox.Stat) []health.Check {
	list := append(health.Devices(s.Devices), health.Hub(s.Hub.State, s.Hub.Waiting), health.Queue(stat.Used, stat.Limit),
		health.Signed(s.Hub.Signed), health.Clock(stat.Clock == "synced"))
	last, ok := a.pushed.Last()
	wrong := ""
	switch {
	case a.pushedWrong != nil:
		wrong = a.pushedWrong.Error()
	case a.pushed.Replaced() != "":
		wrong = "what the hub had set could not be read; it is kept as " + a.pushed.Replaced()
	case ok && !last.OK:
		wrong = last.Text
	}
	list = append(list, health.Settings(wrong, s.Settings.Trial))
	if kept := a.inbox.Replaced(); kept != "" {
		list = append(list, health.Inbox(kept))
	}
	if a.passage != nil && a.config.Passage.Sensor != "" {
		list = append(list, health.Passage(a.passage.Trouble()))
	}
	list = append(list, a.listsHealth()...)
	list = append(list, a.identity.health()...)
	if a.reader != nil {
		trust, err := emrtd.LoadTrust(a.config.TrustDir())
		certificates := 0
		if err == nil {
			certificates = trust.Len()
		}
		list = append(list, health.Trust(certificates, err))
	}
	return list
}

// listsHealth judges the list without which this counter admits nobody.
func (a *Agent) listsHealth() []health.Check {
	r := a.profile.Register
	switch {
	case r == nil:
	case r.Kind == profile.RegisterRoster:
		there := a.lists.Version(keep.Roster) > 0 || a.register.HasRoster()
		return []health.Check{health.List("roster", "roster", there, "take one over with: tram register roster FILE, or have the hub send it")}
	case r.Kind == profile.RegisterPassages:
		there := a.lists.Version(keep.AllowList) > 0
		return []health.Check{health.List("allow-list", "allow list", there, "have the hub send it: tram-hub allow-list DEVICE FILE")}
	}
	return nil
}

// metricsSource is the Agent as its metrics see it.
type metricsSource struct{ a *Agent }

func (m metricsSource) Values() metrics.Values {
	a := m.a
	v := metrics.Values{
		HubConnected: a.uplink.State() == uplink.Connected, UpSeconds: time.Since(a.started).Seconds(),
		Devices: map[string]bool{}, Waiting: map[string]uint64{}, Commands: map[string]uint64{},
	}
	if stat, err := a.store.Stat(); err == nil {
		v.Accepted, v.Sent, v.Delivered, v.Discarded = stat.Accepted, stat.Sent, stat.Delivered, stat.Discarded
		v.QueueUsed, v.QueueLimit, v.QueueFile = stat.Used, stat.Limit, stat.FileBytes
		w := stat.Waiting
		v.Waiting = map[string]uint64{"identity": w.Identity, "passage": w.Passage, "count": w.Count, "photo": w.Photo, "audit": w.Audit}
	}
	for _, s := range a.statuses() {
		up := s.State != drivers.Missing && s.State != drivers.Failed
		if was, known := v.Devices[s.Kind]; known {
			up = up && was
		}
		v.Devices[s.Kind] = up
	}
	if a.worker != nil {
		v.WorkerRestarts = a.worker.Status().Restarts
	}
	v.Commands["done"], v.Commands["refused"] = a.runner.Counts()
	return v
}
