package machine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tram/drivers/sim/machine"
)

func TestCampaignAMachineHasItsOwnKernelAndCameras(t *testing.T) {
	if why := machine.Missing(); why != "" {
		t.Skip(why)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := machine.Run(ctx, machine.Job{
		Dir: t.TempDir(), Load: [][]string{{"vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x0"}},
		Command: []string{"/bin/sh", "-c", "uname -r; ls -l /dev/video* /dev/v4l/by-path; exit 7"},
	})
	if err == nil || !strings.Contains(err.Error(), "ended with 7") {
		t.Errorf("Run: %v, want the command's own exit code", err)
	}
	if s := string(out); !strings.Contains(s, "/dev/video0") || !strings.Contains(s, "platform-vivid.0-video-index0 -> ../../video0") {
		t.Errorf("inside: %s", s)
	}
}
