package pcsc

import (
	"errors"
	"fmt"

	"github.com/ebfe/scard"
)

// List returns the names of the readers that the PC/SC service knows now, in
// its order; none is not an error. It fails with ErrNoService when the service
// does not run, and with ErrRefused when it refuses this user.
func List() ([]string, error) {
	c, err := scard.EstablishContext()
	if err != nil {
		return nil, fmt.Errorf("list readers: %w", explain(err))
	}
	defer func() { _ = c.Release() }()
	names, err := listReaders(c)
	if err != nil {
		return nil, fmt.Errorf("list readers: %w", explain(err))
	}
	return names, nil
}

func listReaders(c *scard.Context) ([]string, error) {
	names, err := c.ListReaders()
	if errors.Is(err, scard.ErrNoReadersAvailable) {
		return nil, nil
	}
	return names, err
}
