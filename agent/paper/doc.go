// Package paper sets the tables that a counter prints from a browser: the
// registers, lists and slips. A page stands by itself, so that it prints the same
// from the daemon and from the file that was saved: its style is within it, and
// Policy is the content security policy that lets just this style through.
package paper
