package health

// List judges the list that a counter looks people up on: without one it knows
// nobody, and whoever stands before it cannot tell why they are turned away.
func List(id, name string, there bool, remedy string) Check {
	c := Check{ID: "list." + id, Status: OK, Text: "the " + name + " is there"}
	if !there {
		c.Status, c.Text, c.Remedy = Fail, "there is no "+name+": this counter knows nobody", remedy
	}
	return c
}
