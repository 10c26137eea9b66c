package pcsc

import "time"

// SetWatchdog shortens the wait for one exchange.
func SetWatchdog(c *Card, d time.Duration) { c.timeout = d }
