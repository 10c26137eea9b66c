// Package vreader is a virtual smart card reader for the demo, for tests and
// for technicians: a pcscd of its own with vsmartcard's vpcd driver, in network
// and mount namespaces of its own, so that it touches no port and no file of
// the host and any number of processes can have one at once.
//
// main and TestMain call Child first:
//
//	func TestMain(m *testing.M) {
//		vreader.Child()
//		os.Exit(m.Run())
//	}
//
// Start then runs this same executable again inside the namespaces, as root or
// (where user namespaces are allowed) as an ordinary user. Start sets
// PCSCLITE_CSOCK_NAME of this process, so that drivers/pcsc talks to the virtual
// reader. The PC/SC library reads that variable once: call Start before anything
// else of the process uses PC/SC, and expect the process to stay with the
// virtual reader until it ends.
//
//	reader, err := vreader.Start(ctx)
//	defer reader.Close()
//	go sim.Insert(ctx, reader.Slot(0), card)
//
// pcscd ends with the process that started it, however that ends.
package vreader
