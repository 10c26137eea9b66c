// Package bridge lets software that talks to a vendor's card reader talk to this
// station unchanged. Each bridge is a door of the local API ([kiosk.Door]): it
// listens on loopback and lets in only programs with a token of the scope
// "bridge", under exact Host and Origin values.
//
// What a bridge tells is what the local API would tell the same program: the
// fields that the profile keeps, once the person agreed, of visits that began
// while the program held the reader. Fields that are not kept are empty strings
// and never missing, since the programs index them blindly; raw files of the
// chip are never given, because they hold fields that nobody agreed to.
//
// The bridges and what they speak:
//
//   - hn212-socket: Socket.IO with the events /event and /info (protocols of
//     socket.io-client 2 to 4);
//   - hn212-webhook: a POST to the hospital's own server;
//   - card-result: JSON over a plain WebSocket, and the comparison of two pictures;
//   - rar-rest: REST with events over SignalR.
package bridge
