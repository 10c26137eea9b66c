package pcsc

import (
	"context"
	"errors"
	"fmt"

	"github.com/ebfe/scard"
)

// List returns the names of the readers that the PC/SC service knows now, in
// its order; none is not an error. It fails with ErrNoService when the service
// does not run or does not answer, and with ErrRefused when it refuses this user.
func List() ([]string, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), connectTimeout, ErrNoService)
	defer cancel()
	names, err := list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list readers: %w", explain(err))
	}
	return names, nil
}

func list(ctx context.Context) ([]string, error) {
	l, err := openLink(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	err = l.do(ctx, nil, func() (err error) {
		names, err = listReaders(l.ctx)
		return err
	})
	if !errors.Is(err, errAbandoned) {
		l.release()
	}
	return names, err
}

func listReaders(c *scard.Context) ([]string, error) {
	names, err := c.ListReaders()
	if errors.Is(err, scard.ErrNoReadersAvailable) {
		return nil, nil
	}
	return names, err
}
