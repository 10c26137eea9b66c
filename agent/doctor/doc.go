// Package doctor looks at the whole desk: the settings, the folders, the devices,
// the worker, the networks, the authorities and the way to the hub, whether the
// daemon runs or not. It changes nothing.
package doctor
