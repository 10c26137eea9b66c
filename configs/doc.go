// Package configs is the daemon's configuration: what can be set, what holds
// when nothing is set, and what is wrong with a file.
//
// default.yaml in this folder is the manual. It is embedded, it holds every key
// with its default, and a test keeps it equal to Default. Load never stops at
// the first mistake: it returns all of them as Problems, each with file, line,
// key and remedy.
package configs
