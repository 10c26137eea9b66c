// Package ca is the hub's own certificate authority: it makes one-time codes,
// enrols devices over HTTPS, renews and revokes their certificates, and issues
// what a broker and the hub itself need for mutual TLS.
//
// There are two authorities, so that no certificate does another's work. The
// hub authority signs servers (the enrolment endpoint, brokers) and the hub's
// own client; it is what a device trusts, and what a one-time code names by its
// hash. The device authority signs devices, and is all that a broker's listener
// for devices trusts. Both are made on first use, below DIR/ca, keys in files of
// mode 0600.
//
// A device's name belongs to its key for ever: the sequence of its records
// does. Another key under the same name is refused, also after a revocation.
package ca
