package bridge

import "time"

// Silence sets how long a client of SignalR may say nothing, and returns a way back.
func Silence(d time.Duration) (undo func()) {
	was := silence
	silence = d
	return func() { silence = was }
}
