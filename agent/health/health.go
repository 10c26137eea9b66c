// Package health says what is wrong with a device, in words that a clerk
// understands and with the next thing to do.
package health

import (
	"fmt"

	"tram/drivers"
)

// The answers of a Check.
const (
	OK   = "ok"
	Warn = "warn" // it works, but something needs a look
	Fail = "fail" // something that this counter needs does not work
)

// Check is one question about the device. The id is stable: scripts rely on it.
type Check struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// remedies by kind of device, or by kind and name.
var remedies = map[string]string{
	"reader":         "plug the chip reader in, and see that pcscd runs; \"tram devices\" tells both",
	"scanner":        "plug the QR scanner in, and check scanner.path in the configuration",
	"camera counter": "check the camera's cable and camera.source in the configuration",
	"camera codes":   "check the camera's cable and scanner.camera in the configuration",
	"camera gate":    "check the camera's cable and gate.source in the configuration",
	"relay":          "plug the relay board in, and check passage.relay in the configuration; open the gate by hand meanwhile",
	"sensor":         "plug the sensor in, and check passage.sensor in the configuration",
	"worker":         "see \"tram devices\"; the camera worker tram-vision starts again by itself",
}

// Devices turns what devices say about themselves into checks.
func Devices(statuses []drivers.Status) []Check {
	checks := make([]Check, 0, len(statuses))
	for _, s := range statuses {
		c := Check{ID: "device." + s.Kind, Status: OK, Text: fmt.Sprintf("%s %s: %s", s.Kind, s.Name, s.State)}
		if s.Detail != "" {
			c.Text += ", " + s.Detail
		}
		if s.State == drivers.Missing || s.State == drivers.Failed {
			c.Status, c.Remedy = Fail, remedies[s.Kind]
			if c.Remedy == "" {
				c.Remedy = remedies[s.Kind+" "+s.Name]
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// Hub judges the way to the hub: being offline is no failure, since nothing is
// lost by it.
func Hub(state string, waiting uint64) Check {
	c := Check{ID: "hub", Status: OK, Text: fmt.Sprintf("hub %s, %d records wait", state, waiting)}
	switch state {
	case "connected":
	case "hub-down":
		c.Status, c.Remedy = Warn, "the broker is there but the hub is not; tell its operator if this lasts"
	case "duplicate-identity":
		c.Status, c.Remedy = Fail, "another device uses this device's name; give one of them another device.name"
	default:
		c.Status, c.Remedy = Warn, "check the network and hub.broker; records are kept and sent when it is back"
	}
	return c
}

// oneRecord is more than one record and the pages around it take.
const oneRecord = 16 << 10

// Queue judges how full the outbox is: used bytes of the limit at which records
// are refused.
func Queue(used, limit int64) Check {
	c := Check{ID: "queue", Status: OK, Text: fmt.Sprintf("queue uses %d of %d MiB", used>>20, limit>>20)}
	switch {
	case used+oneRecord >= limit:
		c.Status, c.Remedy = Fail, "new visits are refused; restore the way to the hub, or raise outbox.max-mib"
	case used >= limit/10*8:
		c.Status, c.Remedy = Warn, "restore the way to the hub before the queue is full"
	}
	return c
}

// Trust judges the operator's store of CSCA certificates.
func Trust(certificates int, err error) Check {
	c := Check{ID: "trust", Status: OK, Text: fmt.Sprintf("%d CSCA certificates are trusted", certificates)}
	switch {
	case err != nil:
		c.Status, c.Text = Fail, "the trust store cannot be read, so every signer is unknown: "+err.Error()
		c.Remedy = "remove or replace the file that it names"
	case certificates == 0:
		c.Status, c.Text = Warn, "no CSCA certificate is trusted; a good chip is \"chip\", never \"chip-trusted\""
		c.Remedy = "put the CSCA certificates that the authority gave you into the trust folder"
	}
	return c
}

// Passage judges what tells who went through a gate, by the reason that it is not
// believed for; "" for none.
func Passage(trouble string) Check {
	c := Check{ID: "passage", Status: OK, Text: "passages are confirmed or annulled"}
	words := map[string][2]string{
		"silent": {"of the last whom the gate let through nobody was seen to go", "look whether the sensor is dirty, covered, turned or unplugged; go through once yourself"},
		"noisy":  {"the sensor tells of more people than can go through", "look what moves or shines into the sensor, and at its cable"},
		"away":   {"what sees who goes through is not there", "plug it in, and check passage.sensor in the configuration"},
	}
	if w, ok := words[trouble]; ok {
		c.Status, c.Text, c.Remedy = Warn, w[0]+": passages are recorded as unconfirmed", w[1]
	}
	return c
}
