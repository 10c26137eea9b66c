// Package apply is the half of package confine that runs in the worker. It is a
// package of its own because it links a library in C that reaches all threads,
// which tram has no use for.
//
//	layers := apply.All(plan) // first thing in main, before anything is read
//
// Nothing that All does can be undone by the process or by what it starts.
package apply
