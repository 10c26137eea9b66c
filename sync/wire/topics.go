package wire

import (
	"fmt"
	"strings"
)

// topicRoot begins every topic; the number is the contract's version.
const topicRoot = "tram/v1/"

// hubState begins the topics of the hubs' states; "hub" is not allowed as a site.
const hubState = topicRoot + "hub/state/"

// HubStates is the filter that matches the states of all of a hub's instances.
const HubStates = hubState + "+"

// HubStateTopic carries the retained State of one instance of the hub.
func HubStateTopic(instance string) string { return hubState + instance }

// HubInstance returns the instance whose state is on a topic, or "".
func HubInstance(topic string) string {
	instance, ok := strings.CutPrefix(topic, hubState)
	if !ok || CheckName(instance) != nil {
		return ""
	}
	return instance
}

// Kind is the last level of a device's topic.
type Kind string

// The kinds of topic below tram/v1/{site}/{device}/.
const (
	Records   Kind = "records"  // device to hub: Batch
	Acks      Kind = "ack"      // hub to device: Ack
	Commands  Kind = "command"  // hub to device: Command
	Replies   Kind = "reply"    // device to hub: Reply
	StatusOf  Kind = "status"   // device to hub: Status, retained, last will
	Requests  Kind = "request"  // device to hub: an online question
	Responses Kind = "response" // hub to device: its answer
)

// Topic is one of a device's topics.
type Topic struct {
	Site, Device string
	Kind         Kind
}

// NewTopic returns the topic of a device after checking both names.
func NewTopic(site, device string, kind Kind) (Topic, error) {
	t := Topic{Site: site, Device: device, Kind: kind}
	if err := t.check(); err != nil {
		return Topic{}, err
	}
	return t, nil
}

func (t Topic) check() error {
	if err := CheckName(t.Site); err != nil {
		return fmt.Errorf("site: %w", err)
	}
	if t.Site == "hub" {
		return fmt.Errorf("site: hub is reserved: %w", ErrName)
	}
	if err := CheckName(t.Device); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	switch t.Kind {
	case Records, Acks, Commands, Replies, StatusOf, Requests, Responses:
		return nil
	}
	return fmt.Errorf("topic kind: %w", ErrName)
}

// With returns the same device's topic of another kind.
func (t Topic) With(kind Kind) Topic { t.Kind = kind; return t }

// String returns the topic as MQTT knows it.
func (t Topic) String() string {
	return topicRoot + t.Site + "/" + t.Device + "/" + string(t.Kind)
}

// ParseTopic reads a device's topic.
func ParseTopic(s string) (Topic, error) {
	rest, ok := strings.CutPrefix(s, topicRoot)
	if !ok || len(s) > len(topicRoot)+2*maxName+16 {
		return Topic{}, fmt.Errorf("topic outside %s: %w", topicRoot, ErrName)
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 {
		return Topic{}, fmt.Errorf("topic with %d levels below %s, want 3: %w", len(parts), topicRoot, ErrName)
	}
	return NewTopic(parts[0], parts[1], Kind(parts[2]))
}

// Every returns the filter that matches one kind of topic of all devices.
func Every(kind Kind) string { return topicRoot + "+/+/" + string(kind) }
