// Package face is the arithmetic of comparing two faces: from a detector's raw
// output to faces with five points, from five points to an upright picture of
// 112×112 pixels, from two templates to a score and what it means. The networks
// themselves run elsewhere (vision/cv).
//
//	faces := face.Decode(face.YuNetOutput{…})
//	m := face.Align(faces[0].Points)            // 2×3, for the affine warp
//	input := face.Tensor(pixels)                // for the embedding network
//	match, unsure := cut.Judge(face.Cosine(a, b))
//
// This compares one face with one face. It does not search, and it does not tell
// a face from a picture of a face.
package face
