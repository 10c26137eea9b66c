// Package models knows the networks that Tram uses: a pinned list of files with
// their size, SHA-256, licence and address upstream, and a folder that holds them.
//
//	entry, data, err := models.Load(dir, models.FaceEmbedding)
//
// A file is only ever given out after its SHA-256 was compared with the list:
// OpenCV aborts its process on a file that it cannot read, and a network that is
// not the pinned one gives scores that no threshold fits.
//
// The networks were trained on research collections. Their licences cover the
// files; whether their training data allows a use in production is a question
// for a lawyer before production, and the list says so.
package models
