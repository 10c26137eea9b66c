// Package signin knows who may see more than the screen shows: people with a
// role and a PIN, and programs with a token and its scopes.
//
// Both live in two small files of the state folder (mode 0600), which the
// command line writes and the daemon reads again whenever they change:
//
//	people := signin.OpenPeople(state)
//	role, err := people.SignIn("lan", pin, time.Now())
//	tokens := signin.OpenTokens(state)
//	client, err := tokens.Find(token)
//
// PINs are kept as argon2id hashes; wrong ones are counted in a third file
// before they are checked, so that neither a restart nor a power cut gives
// further tries. Tokens are 256 random bits, kept as a SHA-256 hash: the one
// who made a token sees it once.
package signin
