// Package confine says what a process that decodes pictures of strangers still
// needs, and what it was made to give up: tram-vision runs a large library in C++
// on hostile input, so whoever breaks out of that library must find themselves in
// an empty room.
//
// A Plan is made by tram for each process, from the job that it is for, and
// handed over in the environment. Package apply carries it out, as the first thing
// that the process does, and answers with one Layer for each kind of confinement,
// on or missing and why, since kernels differ and nothing is left out silently:
//
//	limits        private memory, open files, written bytes, core dumps, order of death
//	landlock      which paths may be opened, whether TCP may be used
//	user          a system user of its own, when tram was started by root
//	capabilities  none, or the one that reads files of others when the job needs it
//	no_new_privs  no program gives any of that back
//	seccomp       only the system calls that decoders make
//
// Sources: kernel documentation, userspace-api/landlock.rst, userspace-api/no_new_privs.rst,
// userspace-api/seccomp_filter.rst; capabilities(7), setrlimit(2).
package confine
