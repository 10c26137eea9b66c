package vision

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Ping asks whether a worker runs and what it is made of.
func (w *Worker) Ping(ctx context.Context) (Pong, error) {
	var pong Pong
	err := w.question(ctx, KindPing, nil, &pong)
	if err == nil && pong.Protocol != ProtocolVersion {
		err = fmt.Errorf("%w: tram-vision speaks version %d, this program %d", ErrProtocol, pong.Protocol, ProtocolVersion)
	}
	return pong, err
}

// Portrait decodes the JPEG or JPEG 2000 of a chip and returns a clean JPEG of
// at most 480 pixels' height: fit for a screen, without whatever else the file held.
func (w *Worker) Portrait(ctx context.Context, data []byte) ([]byte, error) {
	m, err := w.ask(ctx, request{kind: KindPortrait, blobs: [][]byte{data}})
	if err != nil {
		return nil, err
	}
	if err := decode(m, nil); err != nil {
		return nil, err
	}
	if len(m.Blobs) != 1 {
		return nil, fmt.Errorf("%w: a portrait in %d blobs", ErrProtocol, len(m.Blobs))
	}
	return m.Blobs[0], nil
}

// CompareFace compares a portrait with the person before a camera. It returns
// ErrNoModel, ErrNoFace, ErrFaceQuality, ErrNotPicture or ErrNoCamera when there is nothing to
// compare; there is never a made-up score. What q.Likeness holds afterwards is wiped by the
// caller, whether there was an answer or not.
func (w *Worker) CompareFace(ctx context.Context, q FaceQuestion) (FaceAnswer, error) {
	var a FaceAnswer
	q.Source, q.Model, q.Keep = absolute(q.Source), w.o.Face, q.Likeness != nil
	blobs := [][]byte{q.Portrait}
	if kept := q.Likeness.copied(); kept != nil {
		defer clear(kept)
		blobs = append(blobs, kept)
	}
	m, err := w.ask(ctx, request{kind: KindCompare, body: q, blobs: blobs, progress: func(m Message) {
		if len(m.Blobs) == 1 {
			q.Likeness.Keep(m.Blobs[0])
		}
		var p FaceProgress
		if q.Guide != nil && json.Unmarshal(m.Body, &p) == nil && p.Guide != "" {
			q.Guide(p.Guide)
		}
	}})
	if err != nil {
		return a, err
	}
	return a, decode(m, &a)
}

// VerifyFaces compares the faces in two pictures.
func (w *Worker) VerifyFaces(ctx context.Context, a, b []byte) (FaceAnswer, error) {
	var answer FaceAnswer
	err := w.question(ctx, KindVerify, w.o.Face, &answer, a, b)
	return answer, err
}

// DecodeQR returns the texts of the QR codes in a picture; none is no error.
func (w *Worker) DecodeQR(ctx context.Context, picture []byte) ([]string, error) {
	var a QRAnswer
	err := w.question(ctx, KindQR, nil, &a, picture)
	return a.Texts, err
}

func (w *Worker) question(ctx context.Context, kind string, body, into any, blobs ...[]byte) error {
	m, err := w.ask(ctx, request{kind: kind, body: body, blobs: blobs})
	if err != nil {
		return err
	}
	return decode(m, into)
}

// absolute makes the path of a local file or folder independent of the folder
// that the worker runs in. Device numbers and addresses stay as they are.
func absolute(source string) string {
	if _, err := os.Stat(source); err != nil {
		return source
	}
	if path, err := filepath.Abs(source); err == nil {
		return path
	}
	return source
}
