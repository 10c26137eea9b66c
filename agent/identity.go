package agent

import (
	"fmt"
	"path/filepath"

	"tram/agent/health"
	"tram/configs"
	"tram/sync/seal"
	"tram/sync/uplink"
)

// identity is who this device is to its hub: by its enrolment, or by its
// configuration alone.
type identity struct {
	enrolled bool
	parts    []part
}

// identify fills in what the configuration leaves to the enrolment.
func (a *Agent) identify() error {
	if a.config.Device.Name == "" || a.config.Device.Site == "" {
		return fmt.Errorf("%w: device.name or device.site is empty", ErrNoName)
	}
	return nil
}

// deviceKey opens the key that signs this device's records.
func (i *identity) deviceKey(c configs.Config) (*seal.DeviceKey, error) {
	return seal.LoadOrCreateDeviceKey(filepath.Join(c.StateDir(), deviceKeyFile))
}

// credentials are the enrolment's certificates for the broker; nil without one.
func (i *identity) credentials() uplink.Credentials { return nil }

// health is what is to be said of the certificate.
func (i *identity) health() []health.Check { return nil }

func (i *identity) close() error { return nil }
