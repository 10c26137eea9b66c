package face

import "math"

// Guide is what a person before the camera should be told; the screen has the
// words, English and Vietnamese (Words).
type Guide string

// What can be wrong with a frame, and what a challenge asks for.
const (
	Fine         Guide = ""
	NoFace       Guide = "no_face"
	TwoPeople    Guide = "two_people"
	ComeCloser   Guide = "come_closer"
	LookStraight Guide = "look_straight"
	TooDark      Guide = "too_dark"
	TooBright    Guide = "too_bright"
	HoldStill    Guide = "hold_still"
	FaceCovered  Guide = "face_covered"
	TurnLeft     Guide = "turn_left"  // the person's own left
	TurnRight    Guide = "turn_right" // and right
)

// Words are the sentences for a guide, by language.
func (g Guide) Words() map[string]string {
	w, ok := words[g]
	if !ok {
		return nil
	}
	return map[string]string{"vi": w[0], "en": w[1]}
}

var words = map[Guide][2]string{
	NoFace:       {"Không thấy khuôn mặt. Xin đứng trước máy ảnh.", "No face is seen. Please stand before the camera."},
	TwoPeople:    {"Có hai người trong ảnh. Xin đứng một mình.", "Two people are in the picture. Please stand alone."},
	ComeCloser:   {"Xin lại gần hơn.", "Please come closer."},
	LookStraight: {"Xin nhìn thẳng vào máy ảnh.", "Please look straight into the camera."},
	TooDark:      {"Quá tối. Xin quay mặt về phía ánh sáng.", "Too dark. Please face the light."},
	TooBright:    {"Quá sáng. Xin tránh ánh sáng trực tiếp.", "Too bright. Please step out of direct light."},
	HoldStill:    {"Ảnh bị nhòe. Xin đứng yên.", "The picture is blurred. Please hold still."},
	FaceCovered:  {"Khuôn mặt bị che. Xin bỏ khẩu trang, kính râm, mũ.", "The face is covered. Please take off mask, sunglasses and hat."},
	TurnLeft:     {"Xin quay đầu sang bên trái của bạn.", "Please turn your head to your left."},
	TurnRight:    {"Xin quay đầu sang bên phải của bạn.", "Please turn your head to your right."},
}

// Light is what the pixels of an aligned face say.
type Light struct {
	Mean      float64 // grey, 0 to 255
	Sharpness float64 // variance of the Laplacian
	Covered   bool    // mouth or eyes, as far as the pixels tell
}

// The gates: what a frame must reach to be compared. Those with a capital are
// those of a frame without the networks too.
const (
	LeastEyes  = 24.0 // pixels between the eyes
	mostTurn   = 0.32 // nose off the middle, in eye distances
	LeastLight = 40.0
	MostLight  = 225.0
	leastSharp = 12.0
	SecondFace = 0.35 // of the main face's area
)

// Gate says what keeps a frame with these faces from being compared: Fine, or the
// first thing that the person should change. main is one of faces.
func Gate(faces []Face, main Face, l Light) Guide {
	others := 0
	for _, f := range faces {
		if f.W*f.H >= SecondFace*main.W*main.H {
			others++
		}
	}
	eyes := math.Hypot(main.Points[1].X-main.Points[0].X, main.Points[1].Y-main.Points[0].Y)
	switch {
	case others > 1:
		return TwoPeople
	case eyes < LeastEyes && main.W < 3*LeastEyes:
		return ComeCloser
	case math.Abs(main.Turn()) > mostTurn || math.Abs(main.Nod()-0.55) > 0.35:
		return LookStraight
	case l.Mean < LeastLight:
		return TooDark
	case l.Mean > MostLight:
		return TooBright
	case l.Sharpness < leastSharp:
		return HoldStill
	case l.Covered:
		return FaceCovered
	}
	return Fine
}

// Nod is where the nose lies between eyes and mouth: 0 at the eyes, 1 at the mouth;
// about 0.55 in a face that looks straight.
func (f Face) Nod() float64 {
	eyes := (f.Points[0].Y + f.Points[1].Y) / 2
	mouth := (f.Points[3].Y + f.Points[4].Y) / 2
	if mouth-eyes < 1 {
		return 0
	}
	return (f.Points[2].Y - eyes) / (mouth - eyes)
}
