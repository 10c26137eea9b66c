package hubtest

import (
	"net"
	"strings"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// What a Passage can do to a packet. Forget takes it and says that it has it;
// Reorder sends it after the next one; Drop ends the connection with it.
const (
	Forget    = "forget"
	Duplicate = "duplicate"
	Reorder   = "reorder"
	Delay     = "delay"
	Drop      = "drop"
)

// Passage is one connection between a device and its broker that knows MQTT
// and does wrong to batches and to acknowledgements; all else goes through
// untouched.
type Passage struct {
	Device, Broker net.Conn
	// Batch and Ack say what to do with the next batch of records, or the next
	// acknowledgement: a fault above, or "" for none.
	Batch, Ack func() string

	writing [2]sync.Mutex // to the device, to the broker
}

// Run passes packets on, both ways, until either side closes.
func (p *Passage) Run() {
	var both sync.WaitGroup
	both.Go(func() { p.carry(p.Device, p.Broker, true) })
	both.Go(func() { p.carry(p.Broker, p.Device, false) })
	both.Wait()
}

func (p *Passage) write(toBroker bool, b packets.ControlPacket) error {
	to, mu := p.Device, &p.writing[0]
	if toBroker {
		to, mu = p.Broker, &p.writing[1]
	}
	mu.Lock()
	defer mu.Unlock()
	return b.Write(to)
}

func (p *Passage) carry(from, to net.Conn, up bool) {
	defer from.Close()
	defer to.Close()
	var held packets.ControlPacket
	for {
		b, err := packets.ReadPacket(from)
		if err != nil {
			return
		}
		publish, ok := b.(*packets.PublishPacket)
		fault := ""
		switch {
		case ok && up && strings.HasSuffix(publish.TopicName, "/records"):
			fault = p.Batch()
		case ok && !up && strings.HasSuffix(publish.TopicName, "/ack"):
			fault = p.Ack()
		}
		out := []packets.ControlPacket{b}
		switch fault {
		case Forget:
			out = nil
			if publish.Qos > 0 && p.acknowledge(!up, publish.MessageID) != nil {
				return
			}
		case Duplicate:
			out = append(out, b)
		case Reorder:
			if held == nil {
				held = b
				continue
			}
		case Drop:
			return
		case Delay:
			time.Sleep(4 * time.Millisecond)
		}
		if held != nil && ok {
			out = append(out, held)
			held = nil
		}
		for _, b := range out {
			if p.write(up, b) != nil {
				return
			}
		}
	}
}

func (p *Passage) acknowledge(toBroker bool, id uint16) error {
	ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
	ack.MessageID = id
	return p.write(toBroker, ack)
}
