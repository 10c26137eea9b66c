// Package notices is what a device shows people while nobody is served: the
// texts, pictures, codes and telephone numbers that the hub pushed, each from its
// start to its end.
//
// The list itself lies in agent/keep. A Board reads it when it changes and holds
// what the screen needs of it. A picture is a file that came over a network: the
// camera worker decodes it and makes a clean one, which lies beside the list,
// encrypted and named by the hash of what came; it is shown from then on. Codes
// are drawn when they are asked for.
package notices
