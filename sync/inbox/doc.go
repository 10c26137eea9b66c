// Package inbox keeps the hub's commands on disk until they are done and their
// replies are out.
//
//	in, err := inbox.Open(path, inbox.Options{Box: box})
//	err = in.Put(command)            // after it returns the broker may be told: fsynced
//	command, ok, err := in.Next()    // the oldest that has no reply
//	err = in.Answer(command.ID, reply)
//	for _, r := range in.Replies(16) { …publish…; err = in.Replied(r.ID) }
//
// A command is done once: its id is known for the next 10,000 commands, and the
// same id again only queues the reply again. What was begun when the power went
// comes out of Next again, so whatever does a command must be able to do it
// twice, or to find out how far it came.
//
// A command or reply may hold a roster: everything is encrypted before it touches
// the file. A damaged file is kept aside and a new one begun; the hub repeats the
// commands that it has no reply for.
package inbox
