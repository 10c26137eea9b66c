package cv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/still"
	"tram/vision"
	"tram/vision/confine"
	"tram/vision/models"
)

// Options say what the worker works with.
type Options struct {
	Models   string          // folder of the networks' files
	Confined []confine.Layer // what holds the worker
}

// server is the worker on one connection.
type server struct {
	o    Options
	conn net.Conn
	send sync.Mutex
	nets networks
	look atomic.Uint64 // the question that a picture is wanted of; 0 is none
}

// Serve answers questions until the other side closes the connection or ctx
// ends. It returns nil for the former.
func Serve(ctx context.Context, conn net.Conn, o Options) error {
	s := &server{o: o, conn: conn, nets: networks{dir: o.Models}}
	defer s.nets.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	questions := make(chan vision.Message)
	var stop stopper
	readErr := make(chan error, 1)
	go func() {
		defer cancel() // a question in hand is of no use to anyone any more
		defer close(questions)
		for {
			m, err := vision.ReadMessage(conn) // unbuffered: a buffer would hold the end of a picture for long
			if err != nil {
				readErr <- err
				return
			}
			switch m.Kind {
			case vision.KindStop:
				stop.end(m.ID)
				continue
			case vision.KindLook:
				s.look.Store(m.ID)
				continue
			}
			select {
			case questions <- m:
			case <-ctx.Done():
				readErr <- ctx.Err()
				return
			}
		}
	}()
	for m := range questions {
		qctx := stop.begin(ctx, m.ID)
		err := s.reply(m, qctx)
		stop.end(m.ID)
		for _, b := range m.Blobs {
			clear(b) // it may hold a face
		}
		if err != nil {
			_ = conn.Close()
			break
		}
	}
	err := <-readErr
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// stopper ends the question that a stop message names.
type stopper struct {
	mu     sync.Mutex
	id     uint64
	cancel context.CancelFunc
}

func (s *stopper) begin(ctx context.Context, id uint64) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, s.cancel = context.WithCancel(ctx)
	s.id = id
	return ctx
}

func (s *stopper) end(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil && s.id == id {
		s.cancel()
	}
}

// reply answers one question; an error is one of the connection.
func (s *server) reply(m vision.Message, ctx context.Context) error { //nolint:revive // ctx belongs to the message
	body, blobs, err := s.answer(ctx, m)
	if err != nil {
		return s.write(vision.Message{ID: m.ID, Kind: vision.KindError}, vision.FaultOf(toSentinel(err)))
	}
	defer func() {
		for _, b := range blobs {
			clear(b) // it may show a person
		}
	}()
	return s.write(vision.Message{ID: m.ID, Kind: vision.KindAnswer, Blobs: blobs}, body)
}

func (s *server) write(m vision.Message, body any) error {
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode an answer: %w", err)
		}
		m.Body = b
	}
	s.send.Lock()
	defer s.send.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	return vision.WriteMessage(s.conn, m)
}

func (s *server) answer(ctx context.Context, m vision.Message) (any, [][]byte, error) {
	if done, err := provoked(m); done {
		return nil, nil, err
	}
	need := map[string]int{vision.KindPortrait: 1, vision.KindCompare: 1, vision.KindVerify: 2, vision.KindQR: 1}[m.Kind]
	if kept := m.Kind == vision.KindCompare && len(m.Blobs) == 2; len(m.Blobs) != need && !kept {
		return nil, nil, fmt.Errorf("%w: %s with %d pictures", vision.ErrQuestion, m.Kind, len(m.Blobs))
	}
	switch m.Kind {
	case vision.KindPing:
		return vision.Pong{Protocol: vision.ProtocolVersion, OpenCV: gocv.OpenCVVersion(), PID: os.Getpid(), OpenMats: openMats(), ModelsDir: s.o.Models, Confined: s.o.Confined}, nil, nil
	case vision.KindPortrait:
		jpeg, err := portrait(m.Blobs[0])
		return nil, [][]byte{jpeg}, err
	case vision.KindVerify:
		var model vision.FaceModel
		if err := json.Unmarshal(m.Body, &model); len(m.Body) > 0 && err != nil {
			return nil, nil, fmt.Errorf("%w: its body is no JSON", vision.ErrQuestion)
		}
		a, err := s.verify(m.Blobs[0], m.Blobs[1], model)
		return a, nil, err
	case vision.KindCompare:
		var q vision.FaceQuestion
		if err := json.Unmarshal(m.Body, &q); err != nil {
			return nil, nil, fmt.Errorf("%w: its body is no JSON", vision.ErrQuestion)
		}
		a, err := s.compare(ctx, m.ID, m.Blobs, q)
		return a, nil, err
	case vision.KindCount:
		var q vision.CountQuestion
		if err := json.Unmarshal(m.Body, &q); err != nil {
			return nil, nil, fmt.Errorf("%w: its body is no JSON", vision.ErrQuestion)
		}
		a, err := s.count(ctx, m.ID, q)
		return a, nil, err
	case vision.KindCodes:
		var q vision.CodesQuestion
		if err := json.Unmarshal(m.Body, &q); err != nil {
			return nil, nil, fmt.Errorf("%w: its body is no JSON", vision.ErrQuestion)
		}
		a, err := s.codes(ctx, m.ID, q)
		return a, nil, err
	case vision.KindStill:
		var q vision.StillQuestion
		if err := json.Unmarshal(m.Body, &q); err != nil {
			return nil, nil, fmt.Errorf("%w: its body is no JSON", vision.ErrQuestion)
		}
		a, jpeg, err := s.still(ctx, q)
		return a, [][]byte{jpeg}, err
	case vision.KindQR:
		texts, err := decodeQR(m.Blobs[0])
		return vision.QRAnswer{Texts: texts}, nil, err
	}
	return nil, nil, fmt.Errorf("%w: %q is not known", vision.ErrQuestion, m.Kind)
}

// toSentinel says the errors of the packages below in the words of package vision.
func toSentinel(err error) error {
	for from, to := range map[error]error{
		still.ErrFormat: vision.ErrNotPicture, still.ErrSize: vision.ErrNotPicture, camera.ErrNoCamera: vision.ErrNoCamera,
		models.ErrMissing: vision.ErrNoModel, models.ErrWrong: vision.ErrNoModel,
	} {
		if errors.Is(err, from) && !errors.Is(err, to) {
			// Only the text crosses the socket: the sentinel is said once.
			return fmt.Errorf("%w: %s", to, strings.Replace(err.Error(), from.Error()+": ", "", 1))
		}
	}
	return err
}
