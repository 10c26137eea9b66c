//go:build !amd64 && !arm64

package apply

// No filter was written for this architecture.
const (
	auditArch    = uint32(0)
	foreignCalls = uint32(0)
)

var onlyHere []uint32
