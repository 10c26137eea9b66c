package hub

import (
	"context"

	"tram/sync/wire"
)

// Handler answers one kind of question.
type Handler func()

// ask answers a device's question.
func (h *Hub) ask(context.Context, wire.Topic, []byte) {}
