package emrtd

// ForgetHabits forgets what was learned of the lengths that cards take.
func ForgetHabits() {
	known.Lock()
	defer known.Unlock()
	known.by = nil
}
