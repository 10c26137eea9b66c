// Package pcsc drives smart card readers through the system's PC/SC service.
//
// A Reader is the device of the daemon: it waits for its reader to be plugged
// in, for cards to come and go, and for the service to come back after a
// restart. Connect opens a Card, whose Transmit exchanges one APDU and never
// blocks longer than its watchdog or its context: a card that hangs costs its
// own exchange and nothing else.
//
//	reader := pcsc.NewReader("ACS ACR1252", log)
//	go reader.Run(ctx)
//	for event := range reader.Events() {
//		if event.Kind == pcsc.CardPresent {
//			card, err := reader.Connect(ctx)
//			...
//		}
//	}
package pcsc
