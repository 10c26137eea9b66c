package campaign

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childEnv names the state folder of a device that this test binary is to be.
const childEnv = "TRAM_CAMPAIGN_DEVICE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		runDevice(dir)
		return
	}
	goleak.VerifyTestMain(m)
}
