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
	out, err := machine.Run(ctx, machine.WithCameras(machine.Job{
		Dir: t.TempDir(), Command: []string{"/bin/sh", "-c", "uname -r; ls -l /dev/v4l/*; touch /etc/x 2>&1; exit 7"},
	}))
	if err == nil || !strings.Contains(err.Error(), "ended with 7") {
		t.Errorf("Run: %v, want the command's own exit code", err)
	}
	for _, want := range []string{"platform-vivid.0-video-index0 -> ../../video", "usb-first-video-index0 -> ../../video0", "usb-second-video-index0 -> ../../video1", "Read-only file system"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q inside:\n%s", want, out)
		}
	}
}
