package condition

import (
	"fmt"
	"hash/fnv"
	"math"
)

// The size of the thumbnails that are judged, in pixels.
const (
	Width  = 160
	Height = 120
)

// tile is the side of the squares that are looked at one by one. A step across
// two pixels counts as an edge above a share of the picture's range of greys, so
// that dusk takes no edges away, and above least, so that noise is none.
const (
	tile  = 20
	share = 0.18
	least = 8
)

// Measures are what one thumbnail says. Grey values are 0 to 255.
type Measures struct {
	Mean     float64 `json:"mean"`
	Contrast float64 `json:"contrast"` // standard deviation
	Dark     float64 `json:"dark"`     // the grey value below which 5 % of the pixels lie
	Light    float64 `json:"light"`    // and above which 5 % lie
	Burnt    float64 `json:"burnt"`    // share of pixels of 250 and more
	Edges    float64 `json:"edges"`    // share of pixels on an edge
	Flat     float64 `json:"flat"`     // share of the squares of 20×20 pixels without edges
	// Sharpness is the Laplacian's variance over the gradient's: it tells how steep
	// edges are, whatever their number and contrast.
	Sharpness float64 `json:"sharpness"`

	hash uint64
}

// Measure looks at a thumbnail of Width×Height grey pixels, line by line.
func Measure(grey []byte) (Measures, error) {
	if len(grey) != Width*Height {
		return Measures{}, fmt.Errorf("a thumbnail of %d pixels, want %d×%d", len(grey), Width, Height)
	}
	hash := fnv.New64a()
	_, _ = hash.Write(grey) // never fails
	m := Measures{hash: hash.Sum64()}
	var histogram [256]int
	var sum, squares float64
	for _, v := range grey {
		histogram[v]++
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	const n = Width * Height
	m.Mean = sum / n
	m.Contrast = math.Sqrt(max(0, squares/n-m.Mean*m.Mean))
	m.Dark, m.Light = level(&histogram, n/20), level(&histogram, n-n/20)
	for v := 250; v < 256; v++ {
		m.Burnt += float64(histogram[v]) / n
	}
	m.edges(grey)
	return m, nil
}

// level is the grey value that count pixels do not exceed.
func level(histogram *[256]int, count int) float64 {
	for v, n := range histogram {
		if count -= n; count <= 0 {
			return float64(v)
		}
	}
	return 255
}

func (m *Measures) edges(grey []byte) {
	const across, down = Width / tile, Height / tile
	var on [across * down]int
	var gradient, second float64
	step := max(least, int(share*(m.Light-m.Dark)))
	for y := 1; y < Height-1; y++ {
		for x := 1; x < Width-1; x++ {
			i := y*Width + x
			left, right, up, low := int(grey[i-1]), int(grey[i+1]), int(grey[i-Width]), int(grey[i+Width])
			dx, dy := right-left, low-up
			lap := left + right + up + low - 4*int(grey[i])
			gradient += float64(dx*dx + dy*dy)
			second += float64(lap * lap)
			if abs(dx) > step || abs(dy) > step {
				on[y/tile*across+x/tile]++
				m.Edges++
			}
		}
	}
	m.Edges /= Width * Height
	for _, n := range on {
		if n < tile*tile/50 {
			m.Flat += 1.0 / (across * down)
		}
	}
	// The constant is the noise of a sensor: without any edge the ratio is of noise only and says nothing.
	m.Sharpness = second / (gradient + 4*Width*Height)
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
