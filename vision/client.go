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
// compare; there is never a made-up score.
func (w *Worker) CompareFace(ctx context.Context, q FaceQuestion) (FaceAnswer, error) {
	var a FaceAnswer
	q.Source = absolute(q.Source)
	m, err := w.ask(ctx, request{kind: KindCompare, body: q, blobs: [][]byte{q.Portrait}, progress: func(m Message) {
		var p FaceProgress
		if q.Guide != nil && json.Unmarshal(m.Body, &p) == nil {
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
	err := w.question(ctx, KindVerify, nil, &answer, a, b)
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

// Count counts people over a line until the source ends or ctx does, in a
// process of its own. progress, which may be nil, is told about once a second
// what was seen so far. When ctx ends the answer holds what was counted until
// then, beside ctx's error.
func (w *Worker) Count(ctx context.Context, q CountQuestion, progress func(CountProgress)) (CountAnswer, error) {
	var last CountAnswer
	if err := ctx.Err(); err != nil {
		return last, err
	}
	q.Source = absolute(q.Source)
	if q.Video != "" {
		video, err := filepath.Abs(q.Video)
		if err != nil {
			return last, fmt.Errorf("find the video's folder: %w", err)
		}
		q.Video = video
	}
	p, err := startProcess(w.o)
	if err != nil {
		return last, err
	}
	defer p.quit(stopGrace)
	m, _, err := p.ask(ctx, request{
		kind: KindCount, body: q, silence: w.o.Timeout, partial: true,
		progress: func(m Message) {
			var c CountProgress
			if json.Unmarshal(m.Body, &c) != nil {
				return
			}
			last = CountAnswer{Frames: c.Frames, In: c.In, Out: c.Out, FPS: c.FPS, Gaps: c.Gaps, Detector: q.Detector}
			if progress != nil {
				progress(c)
			}
		},
	})
	if err != nil {
		return last, err
	}
	answer := last
	if err := decode(m, &answer); err != nil {
		return last, err
	}
	return answer, ctx.Err()
}
