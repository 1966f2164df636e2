package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

// The plot's frame, in units of its view box.
const (
	plotWidth, plotHeight = 860.0, 420.0
	left, right           = 64.0, 150.0 // room for the scale, and for the names behind the lines
	top, bottom           = 14.0, 34.0
)

// plot is time against size, both logarithmic.
type plot struct {
	Width, Height            float64
	Left, Right, Top, Bottom float64 // the frame's edges
	X, Y                     []tick
	Lines                    []line
}

type tick struct {
	At    float64
	Label string // "" for one between the decades
}

// line is a peer or a reference.
type line struct {
	Name      string
	Color     int
	Reference bool   // drawn grey and dashed
	Outside   bool   // drawn thin
	Points    string // as SVG wants them
	Dots      []dot
	NameY     float64
}

type dot struct {
	X, Y  float64
	Title string
}

// colors is how many the page's style has.
const colors = 14

// newPlot draws every peer with itself; crossed languages are in the table. nil when fewer than two sizes were measured.
func newPlot(kind string, results []document.Result) *plot {
	results = slices.DeleteFunc(slices.Clone(results), func(r document.Result) bool {
		return r.Size <= 0 || r.Samples == 0 || r.Client != r.Server
	})
	sizes := sizesOf(results)
	if len(sizes) < 2 {
		return nil
	}
	series := seriesOf(kind, results)
	p := &plot{Width: plotWidth, Height: plotHeight, Left: left, Right: plotWidth - right, Top: top, Bottom: plotHeight - bottom}
	least, most := rangeOf(series)
	x := p.scale(float64(sizes[0]), float64(sizes[len(sizes)-1]), p.Left+14, p.Right-14)
	y := p.scale(least, most, p.Bottom, p.Top)
	for _, size := range sizes {
		p.X = append(p.X, tick{x(float64(size)), bytesName(size)})
	}
	p.Y = decades(least, most, y)
	for i, s := range series {
		l := line{Name: s.name, Color: i % colors, Reference: s.reference, Outside: s.outside}
		var points []string
		for _, point := range s.points {
			d := dot{X: x(float64(point.size)), Y: y(float64(point.ns)), Title: fmt.Sprintf("%s, %s: %s", s.name, bytesName(point.size), document.Duration(point.ns))}
			l.Dots = append(l.Dots, d)
			points = append(points, fmt.Sprintf("%.1f,%.1f", d.X, d.Y))
		}
		l.Points = strings.Join(points, " ")
		l.NameY = l.Dots[len(l.Dots)-1].Y + 4
		p.Lines = append(p.Lines, l)
	}
	p.spreadNames()
	return p
}

type point struct {
	size int
	ns   int64
}

type namedPoints struct {
	name      string
	reference bool
	outside   bool
	points    []point
}

// seriesOf are the peers in the order of the results, and the references: the least that any of ours measured, for they are floors.
func seriesOf(kind string, results []document.Result) (series []namedPoints) {
	add := func(which namedPoints, size int, ns int64) {
		if ns <= 0 {
			return
		}
		i := slices.IndexFunc(series, func(s namedPoints) bool { return s.name == which.name })
		if i < 0 {
			series, i = append(series, which), len(series)
		}
		series[i].points = append(series[i].points, point{size, ns})
	}
	for _, r := range results {
		add(namedPoints{name: pairName(r), outside: r.Outside}, r.Size, r.P50NS)
		if r.Dual != nil {
			add(namedPoints{name: pairName(r) + ", two buffers"}, r.Size, r.Dual.P50NS)
		}
	}
	references := []struct {
		name   string
		figure func(document.Result) int64
	}{
		{"cache line", func(r document.Result) int64 { return r.LimitP50NS }},
		{"semaphores", func(r document.Result) int64 { return r.LimitSemaphoreP50NS }},
		{"one copy", func(r document.Result) int64 { return r.MemcpyP50NS }},
		{"two threads", func(r document.Result) int64 { return r.ThreadsP50NS }},
	}
	for _, reference := range references {
		if kind != "rtt" && reference.name == "cache line" {
			continue // far below, it would only flatten the rest
		}
		for _, size := range sizesOf(results) {
			var least int64
			for _, r := range results {
				if ns := reference.figure(r); r.Size == size && !r.Outside && ns > 0 && (least == 0 || ns < least) {
					least = ns
				}
			}
			add(namedPoints{name: reference.name, reference: true}, size, least)
		}
	}
	for _, s := range series {
		slices.SortFunc(s.points, func(a, b point) int { return a.size - b.size })
	}
	return series
}

func rangeOf(series []namedPoints) (least, most float64) {
	least, most = math.Inf(1), 0
	for _, s := range series {
		for _, p := range s.points {
			least, most = min(least, float64(p.ns)), max(most, float64(p.ns))
		}
	}
	return least / 1.3, most * 1.3
}

// scale maps logarithms onto a stretch of the plot.
func (p *plot) scale(least, most, from, to float64) func(float64) float64 {
	return func(v float64) float64 {
		return from + (to-from)*(math.Log(v)-math.Log(least))/(math.Log(most)-math.Log(least))
	}
}

// decades are the scale of times: a line per decade, and unnamed ones at two and five of it.
func decades(least, most float64, y func(float64) float64) (ticks []tick) {
	for exponent := math.Floor(math.Log10(least)); exponent <= math.Log10(most); exponent++ {
		for _, step := range []float64{1, 2, 5} {
			value := step * math.Pow(10, exponent)
			if value < least || value > most {
				continue
			}
			label := ""
			if step == 1 {
				label = wholeDuration(value)
			}
			ticks = append(ticks, tick{y(value), label})
		}
	}
	return ticks
}

// wholeDuration names a power of ten of nanoseconds.
func wholeDuration(ns float64) string {
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= unit.ns {
			return fmt.Sprintf("%.0f %s", ns/unit.ns, unit.name)
		}
	}
	return fmt.Sprintf("%.0f ns", ns)
}

// bytesName is a size in the unit that suits it.
func bytesName(size int) string {
	for _, unit := range []struct {
		name  string
		bytes int
	}{{"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if size >= unit.bytes && size%unit.bytes == 0 {
			return fmt.Sprintf("%d %s", size/unit.bytes, unit.name)
		}
	}
	if size >= 100_000 {
		return strconv.FormatFloat(math.Round(float64(size)/1e5)/10, 'f', -1, 64) + " MB"
	}
	return fmt.Sprintf("%d B", size)
}

// spreadNames moves the names behind the lines apart, upwards where they would cover each other, and back into the frame.
func (p *plot) spreadNames() {
	const height = 14.0
	order := make([]*line, len(p.Lines))
	for i := range p.Lines {
		order[i] = &p.Lines[i]
	}
	slices.SortStableFunc(order, func(a, b *line) int { return cmp.Compare(b.NameY, a.NameY) }) // the lowest first
	limit := p.Bottom
	for _, l := range order {
		l.NameY = min(l.NameY, limit)
		limit = l.NameY - height
	}
	limit = p.Top + height/2
	for _, l := range slices.Backward(order) {
		l.NameY = max(l.NameY, limit)
		limit = l.NameY + height
	}
}
