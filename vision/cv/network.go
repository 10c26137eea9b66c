package cv

import (
	"encoding/hex"
	"fmt"
	"time"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/models"
)

// network is a loaded network and what it was loaded from.
type network struct {
	net   gocv.Net
	id    vision.ModelID
	sum   [32]byte // id.SHA256 as bytes
	names []string // of the outputs, once asked for
	work  work     // since take was last called
}

// work is what a network did.
type work struct {
	passes int
	spent  time.Duration
}

// networks loads each network once, when it is first needed.
type networks struct {
	dir    string
	loaded map[string]*network
}

func (n *networks) get(name string) (*network, error) {
	if k := n.loaded[name]; k != nil {
		return k, nil
	}
	entry, data, err := models.Load(n.dir, name)
	if err != nil {
		return nil, err
	}
	// The bytes are the pinned ones: OpenCV 4.6 is known to load them.
	net, err := gocv.ReadNetFromONNXBytes(data)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", entry.File, err)
	}
	if net.Empty() {
		return nil, fmt.Errorf("load %s: OpenCV gives an empty network", entry.File)
	}
	k := &network{net: net, id: vision.ModelID{Name: entry.Name, SHA256: entry.SHA256}}
	_, _ = hex.Decode(k.sum[:], []byte(entry.SHA256)) // it was compared with the file's: it is 64 digits
	if n.loaded == nil {
		n.loaded = map[string]*network{}
	}
	n.loaded[name] = k
	return k, nil
}

func (n *networks) close() {
	for _, k := range n.loaded {
		_ = k.net.Close()
	}
	n.loaded = nil
}

// forward runs the network on blob and returns copies of the outputs as flat numbers.
func (k *network) forward(blob gocv.Mat, outputs ...string) ([][]float32, error) {
	var out [][]float32
	err := k.with(blob, outputs, func(v [][]float32) error {
		for _, o := range v {
			out = append(out, append([]float32(nil), o...))
		}
		return nil
	})
	return out, err
}

// with runs the network on blob and gives the outputs, as flat numbers, to read.
// They are the library's own and gone when read returns.
func (k *network) with(blob gocv.Mat, outputs []string, read func([][]float32) error) error {
	if len(outputs) == 0 {
		return fmt.Errorf("%w: %s has no output", vision.ErrFailed, k.id.Name)
	}
	began := time.Now()
	k.net.SetInput(blob, "")
	mats := k.net.ForwardLayers(outputs)
	k.work.passes++
	k.work.spent += time.Since(began)
	defer func() {
		for i := range mats {
			_ = mats[i].Close()
		}
	}()
	if len(mats) != len(outputs) {
		return fmt.Errorf("%w: %s gives %d outputs, want %d", vision.ErrFailed, k.id.Name, len(mats), len(outputs))
	}
	out := make([][]float32, len(mats))
	for i := range mats {
		v, err := mats[i].DataPtrFloat32()
		if err != nil {
			return fmt.Errorf("output %s of %s: %w", outputs[i], k.id.Name, err)
		}
		out[i] = v
	}
	return read(out)
}

// take returns what the network did since the last call.
func (k *network) take() work {
	w := k.work
	k.work = work{}
	return w
}

// outputs are the names of the network's outputs, in the order of the file.
func (k *network) outputs() []string {
	if k.names == nil {
		layers := k.net.GetLayerNames()
		for _, id := range k.net.GetUnconnectedOutLayers() {
			if id > 0 && id <= len(layers) {
				k.names = append(k.names, layers[id-1])
			}
		}
	}
	return k.names
}
