package apply

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"tram/vision/confine"
)

// libraries are what decoders, the resolver and TLS read.
var libraries = []string{
	"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
	"/etc/nsswitch.conf", "/etc/ssl", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/sys/devices/system", "/sys/fs/cgroup",
}

// withNet is the first version of Landlock that knows TCP.
const withNet = 4

func landlocked(p confine.Plan) confine.Layer {
	if p.Files {
		return layer("landlock", "", errors.New("off: the worker opens whatever path it is asked for"))
	}
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return layer("landlock", "", errors.New("this kernel has none, or it is switched off"))
	}
	if err := restrict(p); err != nil {
		return layer("landlock", "", err)
	}
	detail := fmt.Sprintf("version %d", abi)
	if abi < withNet {
		detail += ", which knows files only"
	}
	return layer("landlock", detail, nil)
}

func restrict(p confine.Plan) error {
	rules := []landlock.Rule{landlock.RWFiles("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random").IgnoreIfMissing()}
	readable := append(append([]string(nil), libraries...), p.Read...)
	readable = append(readable, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	for _, path := range readable {
		st, err := os.Stat(path)
		switch {
		case err != nil || !filepath.IsAbs(path):
		case st.IsDir():
			rules = append(rules, landlock.RODirs(path).IgnoreIfMissing())
		default:
			rules = append(rules, landlock.ROFiles(path).IgnoreIfMissing())
		}
	}
	if len(p.Write) > 0 {
		rules = append(rules, landlock.RWFiles(p.Write...).IgnoreIfMissing())
	}
	if len(p.Devices) > 0 {
		rules = append(rules, landlock.RWFiles(p.Devices...).WithIoctlDev().IgnoreIfMissing())
	}
	known := landlock.V6.BestEffort()
	if err := known.RestrictPaths(rules...); err != nil {
		return fmt.Errorf("hold it to its files: %w", err)
	}
	if !p.Network {
		if err := known.RestrictNet(); err != nil {
			return fmt.Errorf("hold it from the network: %w", err)
		}
	}
	if err := known.RestrictScoped(); err != nil {
		return fmt.Errorf("hold it from other processes: %w", err)
	}
	return nil
}
