// Package scanner drives code scanners on a serial port: RS-232, USB-CDC and
// whatever else shows as a tty. Keyboard-wedge scanners are not supported,
// because keyboards lose Vietnamese diacritics.
//
//	s := scanner.New("/dev/serial/by-id/usb-Example_Scanner-if00", scanner.Options{})
//	go s.Run(ctx)
//	for code := range s.Codes() {
//		qr, err := cccd.ParseQR(code.Raw.Reveal())
//		...
//	}
//
// Name the port by /dev/serial/by-id, which stays the same when the scanner is
// plugged into another socket.
package scanner
