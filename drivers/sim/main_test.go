package sim

import (
	"testing"

	"go.uber.org/goleak"

	"tram/drivers/sim/vreader"
)

func TestMain(m *testing.M) {
	vreader.Child()
	goleak.VerifyTestMain(m)
}
