package health

// Signed judges whether the hub's words can be checked.
func Signed(known bool) Check {
	if known {
		return Check{ID: "hub.signature", Status: OK, Text: "the hub's signing key is known"}
	}
	return Check{
		ID: "hub.signature", Status: Warn, Text: "no signing key of the hub is known, so its acknowledgements and commands are taken unsigned",
		Remedy: "enrol the device with \"tram enroll\", or copy the hub's newest hub.pub.jwk there",
	}
}

// Clock judges whether the device knows the time.
func Clock(right bool) Check {
	if right {
		return Check{ID: "clock", Status: OK, Text: "the clock is synchronised"}
	}
	return Check{
		ID: "clock", Status: Warn, Text: "the clock is not known to be right; records are stamped so and repaired later",
		Remedy: "see that a time service runs and reaches its server: timedatectl",
	}
}

// Settings judges what the hub has pushed: wrong says what became of it.
func Settings(wrong string, trial bool) Check {
	c := Check{ID: "settings", Status: OK, Text: "settings from the hub are in order"}
	switch {
	case wrong != "":
		c.Status, c.Text = Warn, "settings from the hub: "+wrong
		c.Remedy = "tell the hub's operator; the device works with the settings before"
	case trial:
		c.Status, c.Text = Warn, "settings from the hub are on trial until the hub is heard with them"
	}
	return c
}

// Inbox says that the file of the hub's commands was damaged.
func Inbox(kept string) Check {
	return Check{ID: "inbox", Status: Warn, Text: "the file of the hub's commands was damaged and is kept as " + kept, Remedy: "the hub repeats what it has no reply for; have the disk looked at"}
}
