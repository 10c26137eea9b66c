package hub

import "sync"

// maxQueued is how many acknowledgements wait for the broker at most.
const maxQueued = 4096

// outgoing is one message for the broker.
type outgoing struct {
	topic   string
	payload []byte
}

// publishQueue holds acknowledgements until they are published. It never
// blocks: an acknowledgement is cumulative, so the oldest may go.
type publishQueue struct {
	mu    sync.Mutex
	items []outgoing
	wake  chan struct{}
}

func newPublishQueue() *publishQueue { return &publishQueue{wake: make(chan struct{}, 1)} }

func (q *publishQueue) put(topic string, payload []byte) {
	q.mu.Lock()
	if len(q.items) >= maxQueued {
		q.items = q.items[1:]
	}
	q.items = append(q.items, outgoing{topic, payload})
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns everything that waits.
func (q *publishQueue) take() []outgoing {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}
