// Package enroll makes a device one of a hub's own, once, by a one-time code,
// and keeps its certificate fresh from then on.
//
// The key is made on the device and never leaves it. The code names the hub's
// authority by its hash, so that the first contact needs no other trust. What
// comes back is written as one: the file enrolment.json is replaced first, with
// everything in it, and the files made from it follow; a power cut between is
// finished by the next Load.
//
// Files in the state folder: enrolment.json, device.crt (with device.crt.new
// until a connection was made with it, and device.crt.prev after), hub-ca.crt,
// hub.pub.jwk, device-enc.jwk, and the key where its reference says.
//
// No function of the device needs any of it: with every certificate expired it
// keeps recording, and gets a new certificate by its key when the hub is there.
package enroll
