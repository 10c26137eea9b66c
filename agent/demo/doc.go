// Package demo is the whole main job without hardware: a hub in a process of
// its own, a virtual reader under a real pcscd, a virtual card and scanner, and
// pictures made at run time, around the same daemon that runs at a counter.
//
// A Desk is that set-up; its Do is a pair of hands that scans the code and lays
// the card. Play goes once through everything and tells each step with its time.
package demo
