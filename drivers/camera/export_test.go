package camera

// Moment is when the frame that Next gave last came, for the tests.
func (c *Camera) Moment() Moment { return c.moment }
