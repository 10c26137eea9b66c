// Package profile reads what a visit is at one kind of counter: which evidence
// is accepted, how sure the device must be, which fields are kept and which
// record is made. A profile is a YAML file, so that a new kind of counter needs
// no code; those that come with Tram are in configs/profiles.
package profile
