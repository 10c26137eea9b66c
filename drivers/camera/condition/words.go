package condition

// Code is a condition of a camera's pictures; codes are stable.
type Code string

// The conditions. Of several at a time the one that is first here is told.
const (
	NoFrames  Code = "no_frames"
	Black     Code = "black"
	Frozen    Code = "frozen"
	Covered   Code = "covered"
	TooDark   Code = "too_dark"
	TooBright Code = "too_bright"
	Blurred   Code = "blurred"
	WrongSize Code = "wrong_size"
	ClockBack Code = "clock_back"
	Slow      Code = "slow"
	OK        Code = "ok"
	Unknown   Code = "" // nothing was seen yet
)

// order is that of importance.
var order = []Code{NoFrames, Black, Frozen, Covered, TooDark, TooBright, Blurred, WrongSize, ClockBack, Slow}

type words struct{ vi, en, remedy string }

var texts = map[Code]words{
	NoFrames:  {"Camera không gửi hình.", "The camera sends no pictures.", "check the camera's power, cable and network"},
	Black:     {"Hình camera đen.", "The camera's picture is black.", "take the cap or cover off the lens; see that the light is on"},
	Frozen:    {"Hình camera bị đứng.", "The camera's picture stands still: the same pictures come again and again.", "switch the camera off and on; where a recorder passes its picture on, look at the recorder"},
	Covered:   {"Ống kính camera bị che.", "Something covers the camera's lens.", "take away what stands or sticks before the lens"},
	TooDark:   {"Hình camera quá tối.", "The camera's picture is too dark.", "switch the light on, or open the camera's exposure"},
	TooBright: {"Hình camera quá sáng.", "The camera's picture is too bright.", "turn the camera away from the light, or close its exposure"},
	Blurred:   {"Hình camera bị mờ.", "The camera's picture is blurred.", "wipe the lens, then focus; if the camera was moved on purpose, start tram again"},
	WrongSize: {"Kích thước hình camera không đúng.", "The camera's picture has another size than was asked for.", "set the size in the camera, or ask for the size that it gives"},
	ClockBack: {"Đồng hồ của camera chạy lùi.", "The camera's timestamps run backwards.", "set the camera's clock by NTP; switch the camera off and on"},
	Slow:      {"Camera gửi quá ít hình.", "The camera sends less than half of the pictures that were asked for.", "give it more light or another pixel format, or look at its network"},
	OK:        {"Camera hoạt động bình thường.", "The camera works.", ""},
	Unknown:   {"Chưa có hình từ camera.", "Nothing was seen of the camera yet.", ""},
}

// Words is the condition as a sentence in "vi" or, for every other language, in English.
func (c Code) Words(language string) string {
	if language == "vi" {
		return texts[c].vi
	}
	return texts[c].en
}

// Remedy is what a technician should do, in English.
func (c Code) Remedy() string { return texts[c].remedy }

// Bad reports whether somebody must do something.
func (c Code) Bad() bool { return c != OK && c != Unknown }
