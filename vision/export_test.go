package vision

import "context"

// Provoke makes a worker that was built for it die in a way.
func (w *Worker) Provoke(ctx context.Context, how string, picture ...[]byte) error {
	return w.question(ctx, "provoke", how, nil, picture...)
}
