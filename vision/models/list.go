package models

// Entry is one pinned file.
type Entry struct {
	Name    string `json:"name"`    // short, for people and records
	File    string `json:"file"`    // in the models folder
	Does    string `json:"does"`    // what it is for
	Size    int64  `json:"size"`    // bytes
	SHA256  string `json:"sha256"`  // hex
	Licence string `json:"licence"` // of the file, as an SPDX identifier
	URL     string `json:"url"`     // upstream; empty: it has to be imported
	// Optional files are used by configuration only: nobody misses them.
	Optional bool `json:"optional,omitempty"`
}

// Review is what everybody who brings these networks has to know.
const Review = "The licences cover the files. The face networks were trained on research collections of photographs: have a lawyer review their use before production."

// The names of the pinned networks.
const (
	FaceDetector  = "yunet-2022mar"
	FaceEmbedding = "mobilefacenet-foamliu"
	SFace         = "sface-2021dec"
	NanoDet       = "nanodet-2022nov"
	YOLOX         = "yolox-nano"
	FastestDet    = "fastestdet"
)

var pinned = []Entry{
	{
		Name: FaceDetector, File: "face_detection_yunet_2022mar.onnx", Does: "finds faces and five points in them", Size: 345478,
		SHA256: "50ef07f702a31741ca46a4c0d947773b64143b9362780237bf0d427d6c79bab7", Licence: "MIT",
		URL: "https://github.com/opencv/opencv_zoo/raw/4563a91ba98172b14d7af8bce621b6d1ae7ae0c6/models/face_detection_yunet/face_detection_yunet_2022mar.onnx",
	},
	{
		Name: FaceEmbedding, File: "mobilefacenet_foamliu_opset10.onnx", Does: "turns a face into 128 numbers to compare", Size: 3985710,
		SHA256: "8cba0c9041fefd5a8bcc74b5756856a4fdc7fd4a4b3b330a1adb436ca39c7c8e", Licence: "Apache-2.0",
	},
	{
		Name: SFace, File: "face_recognition_sface_2021dec.onnx", Does: "turns a face into 128 numbers, instead of the one above", Size: 38696353,
		SHA256: "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79", Licence: "Apache-2.0", Optional: true,
		URL: "https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models/face_recognition_sface/face_recognition_sface_2021dec.onnx",
	},
	{
		Name: NanoDet, File: "object_detection_nanodet_2022nov.onnx", Does: "finds people to count", Size: 3800954,
		SHA256: "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186", Licence: "Apache-2.0",
		URL: "https://github.com/opencv/opencv_zoo/raw/main/models/object_detection_nanodet/object_detection_nanodet_2022nov.onnx",
	},
	{
		Name: YOLOX, File: "yolox_nano.onnx", Does: "finds people to count", Size: 3659407,
		SHA256: "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d", Licence: "Apache-2.0",
		URL: "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
	},
	{
		Name: FastestDet, File: "FastestDet.onnx", Does: "finds people to count, quickly", Size: 998169,
		SHA256: "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880", Licence: "BSD-3-Clause",
	},
}

// Pinned returns the whole list.
func Pinned() []Entry { return append([]Entry(nil), pinned...) }

// Named returns the entry of a name.
func Named(name string) (Entry, bool) {
	for _, e := range pinned {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}
