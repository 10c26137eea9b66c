package kiosk_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"tram/agent/kiosk/kiosktest"
	"tram/drivers/sim/vreader"
)

func TestMain(m *testing.M) {
	vreader.Child()
	code := m.Run()
	kiosktest.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}
