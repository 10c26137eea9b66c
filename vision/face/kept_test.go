package face_test

import (
	"bytes"
	"testing"

	"tram/vision/face"
)

func TestAKeptTemplateCountsForItsPortraitAndItsNetworksAlone(t *testing.T) {
	portrait, detector, embedding, other := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{4}
	made := face.NewTemplate([]float32{1, -2, 3, 0.5})
	kept := face.Kept(made, portrait, detector, embedding)
	if got := face.FromKept(kept, portrait, detector, embedding); face.Cosine(got, made) < 0.999999 {
		t.Errorf("template %v, want %v", got, made)
	}
	long := append(bytes.Clone(kept), 0, 0, 128, 63)
	for name, got := range map[string]face.Template{
		"another portrait":  face.FromKept(kept, other, detector, embedding),
		"another detector":  face.FromKept(kept, portrait, other, embedding),
		"another embedding": face.FromKept(kept, portrait, detector, other),
		"not of length 1":   face.FromKept(long, portrait, detector, embedding),
		"cut short":         face.FromKept(kept[:len(kept)-1], portrait, detector, embedding),
		"without numbers":   face.FromKept(kept[:97], portrait, detector, embedding),
		"empty":             face.FromKept(nil, portrait, detector, embedding),
		"another layout":    face.FromKept(append([]byte{2}, kept[1:]...), portrait, detector, embedding),
	} {
		if got != nil {
			t.Errorf("%s: a template was taken", name)
		}
	}
}

func FuzzFromKept(f *testing.F) {
	f.Add(face.Kept(face.NewTemplate([]float32{1, 2}), [32]byte{}, [32]byte{}, [32]byte{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := face.FromKept(b, [32]byte{}, [32]byte{}, [32]byte{})
		if got == nil {
			return
		}
		if again := face.Kept(got, [32]byte{}, [32]byte{}, [32]byte{}); !bytes.Equal(again, b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
