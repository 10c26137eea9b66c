package agent

import (
	"errors"

	"tram/agent/passage"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/configs"
	"tram/drivers"
	"tram/drivers/relay"
	"tram/vision"
)

// What passage.sensor may be beside a path.
const (
	sensorBoard  = "board"
	sensorCamera = "camera"
)

// keepsPassages reports whether this counter is a gate that lets people through.
func (a *Agent) keepsPassages() bool {
	return a.profile.Register != nil && a.profile.Register.Kind == profile.RegisterPassages
}

// makeGate makes what opens a gate and what sees who goes through.
func (a *Agent) makeGate() {
	if !a.keepsPassages() {
		return
	}
	c := a.config.Passage
	opt := passage.Options{
		List: a.lists.Allowance, Sensed: c.Sensor != "", Sees: a.sensorWorks, Within: c.Within.Value(),
		Clock: a.clock, Stuck: func(err error) bool { return errors.Is(err, relay.ErrStuck) }, Changed: a.changes.signal, Log: a.log,
	}
	crossed := func(way relay.Way) { a.passage.Crossed(string(way), passage.BySensor) }
	if c.Relay != "" {
		set := relay.Options{Baud: c.Baud, Channel: c.Channel, Pulse: c.Pulse.Value(), Log: a.log}
		if c.Sensor == sensorBoard {
			set.Passed = crossed
		}
		r, err := relay.New(c.Relay, set)
		if err != nil { // the configuration was checked
			a.log.Error("no relay", "err", err)
		} else {
			a.relay, opt.Opener = r, r
		}
	}
	if c.Sensor != "" && c.Sensor != sensorBoard && c.Sensor != sensorCamera {
		a.sensor = relay.NewSensor(c.Sensor, relay.SensorOptions{Baud: c.Baud, Passed: crossed, Log: a.log})
	}
	a.passage = passage.New(opt)
}

// sensorWorks reports whether what tells of passages is there.
func (a *Agent) sensorWorks() bool {
	var s drivers.Status
	switch {
	case a.sensor != nil:
		s = a.sensor.Status()
	case a.config.Passage.Sensor == sensorBoard && a.relay != nil:
		s = a.relay.Status()
	case a.config.Passage.Sensor == sensorCamera && a.gate != nil:
		s = a.gate.Status()
	}
	return s.State == drivers.Ready || s.State == drivers.Busy
}

// gateQuestion is what the camera of a gate is asked.
func gateQuestion(g configs.Gate) vision.CountQuestion {
	q := vision.CountQuestion{Source: g.Source, Ask: asked(g.Mode), Line: g.Line, Detector: g.Detector, Every: g.DetectEvery}
	for _, l := range g.Lines {
		q.Lines = append(q.Lines, vision.CountLine{Name: l.Name, Line: l.Line})
	}
	for _, z := range g.Zones {
		q.Zones = append(q.Zones, vision.CountZone{Name: z.Name, Points: z.Points})
	}
	return q
}

// crossed hears the camera: people crossed the line.
func (a *Agent) crossed(in, out int) {
	a.line.add(in, out)
	a.changes.signal()
	if a.passage == nil || a.config.Passage.Sensor != sensorCamera {
		return
	}
	for range in {
		a.passage.Crossed(register.DirectionIn, passage.ByCamera)
	}
	for range out {
		a.passage.Crossed(register.DirectionOut, passage.ByCamera)
	}
}

// allow is the register's question who may pass; nil where everybody may.
func (a *Agent) allow() func(visit.Entry) []visit.Alarm {
	if a.passage == nil {
		return nil
	}
	return a.passage.Look
}

// gateTally is the gate in numbers, nil where there is none.
func (a *Agent) gateTally() *visit.GateTally {
	switch {
	case a.keepsPassages():
		t, _, err := a.register.Tally()
		if err != nil {
			a.log.Error("passages not counted", "err", err)
			return nil
		}
		return &visit.GateTally{Inside: t.Inside, In: t.In, Out: t.Out}
	case a.gate != nil:
		t := a.line.today()
		return &t
	}
	return nil
}

// gateView is the gate in the moment, for the person of a visit.
func (a *Agent) gateView(v *visit.View) *visit.GateView {
	if a.passage == nil || v == nil {
		return nil
	}
	if view := a.passage.View(v.ID); view != nil {
		return view
	}
	if f := v.Failure; f != nil && (f.Code == passage.CodeNotAllowed || f.Code == "passback" || f.Code == "no_gate") {
		return &visit.GateView{State: "denied"}
	}
	return nil
}
