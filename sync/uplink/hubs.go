package uplink

import (
	"maps"
	"slices"

	"tram/sync/wire"
)

// maxHubs is how many instances of a hub are followed.
const maxHubs = 256

// hubs are the instances of the hub that say they are up, with the id of the
// store that each works on.
type hubs map[string]string

// up reports whether any instance takes records.
func (h hubs) up() bool { return len(h) > 0 }

// take notes what an instance says of itself; nothing says that it is gone for
// good. It reports whether everything not acknowledged must be sent again: the
// hub came back, it has another store, or an instance went, perhaps with what
// was on its way to it.
func (h hubs) take(instance string, payload []byte) (again bool, err error) {
	store, was := h[instance]
	if len(payload) == 0 {
		delete(h, instance)
		return was, nil
	}
	state, err := wire.ParseState(payload)
	if err != nil {
		return false, err
	}
	if !state.Up() {
		delete(h, instance)
		return was, nil
	}
	known := slices.Contains(slices.Collect(maps.Values(h)), state.Hub)
	if len(h) >= maxHubs && !was {
		return false, nil
	}
	h[instance] = state.Hub
	return !known || (was && store != state.Hub), nil
}
