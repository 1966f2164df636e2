package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// view is everything in the order in which the page shows it.
type view struct {
	Palette  []int // the colors' numbers
	Machines []string
	Sections []section
}

// section is a document.
type section struct {
	File
	Title, Doc string
	Groups     []group
}

// group are the results that differ in pair and size only: what may be compared.
type group struct {
	Title   string
	Plot    *plot    // nil with fewer than two sizes
	Matrix  []matrix // of every size at which languages were crossed
	Titles  []string // of the table's columns
	Rows    []row
	Missing []string // what outside peers do not support or failed in, and why
}

type row struct {
	Pair, Size string
	Outside    bool
	Cells      []string
}

// matrix are the medians of one size, rows are clients and columns servers.
type matrix struct {
	Size    string
	Servers []string
	Clients []matrixRow
}

type matrixRow struct {
	Client string
	Cells  []string
}

var kinds = map[string]struct{ title, doc string }{
	"rtt":    {"Round trips", "Nothing is touched but the frame's number: what waking up and handing over cost. The limit is one cache line bounced between the same two threads, where both wait asleep two semaphores posted in turn."},
	"frames": {"Work on frames", "The client fills a frame, the server changes it, the client reads what was changed. The same work done by two threads of one process on shared memory, with one word between them, is the floor."},
	"dual":   {"In place beside two buffers", "The same work in place and over two buffers of ZeroBuffer v1 with as much room each."},
}

var touches = map[string]string{
	"none": "nothing touched", "fill": "fill all, answer with 8 bytes", "page": "fill all, change and read a byte per page", "all": "fill all, change all, read all",
}

// display are names as people write them; others are shown as they are.
var display = map[string]string{"go": "Go", "cpp": "C++", "csharp": "C#", "python": "Python"}

func shown(peer string) string { return cmp.Or(display[peer], peer) }

func pairName(r document.Result) string {
	if r.Client == r.Server {
		return shown(r.Client)
	}
	return shown(r.Client) + " → " + shown(r.Server)
}

func machines(files []File) (list []string) {
	for _, file := range files {
		if machine := file.Host.Machine(); !slices.Contains(list, machine) {
			list = append(list, machine)
		}
	}
	return list
}

func newSection(file File) section {
	kind := kinds[file.Kind]
	s := section{File: file, Title: cmp.Or(kind.title, file.Kind), Doc: kind.doc}
	var titles []string
	groups := map[string][]document.Result{}
	for _, r := range file.Results {
		title := fmt.Sprintf("%s, wait %s, %s in flight", cmp.Or(touches[r.Touch], r.Touch), r.Wait, table.Count(r.Inflight))
		if !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
		groups[title] = append(groups[title], r)
	}
	for _, title := range titles {
		s.Groups = append(s.Groups, newGroup(title, file.Document, groups[title]))
	}
	return s
}

func newGroup(title string, d document.Document, results []document.Result) group {
	g := group{Title: title, Plot: newPlot(d.Kind, results)}
	columns := d.Columns(results)
	for _, c := range columns {
		g.Titles = append(g.Titles, c.Title)
	}
	for _, size := range sizesOf(results) {
		var same []document.Result
		for _, r := range results {
			if r.Size == size {
				same = append(same, r)
			}
		}
		if m, crossed := newMatrix(size, same); crossed {
			g.Matrix = append(g.Matrix, m)
		}
		slices.SortStableFunc(same, func(a, b document.Result) int { return cmp.Compare(a.P50NS, b.P50NS) })
		for _, r := range same {
			if r.Unsupported != "" {
				g.Missing = append(g.Missing, fmt.Sprintf("Unsupported: %s, %s bytes: %s", pairName(r), table.Count(r.Size), r.Unsupported))
				continue
			}
			if r.Failed != "" {
				g.Missing = append(g.Missing, fmt.Sprintf("Failed: %s, %s bytes: %s", pairName(r), table.Count(r.Size), r.Failed))
				continue
			}
			line := row{Pair: pairName(r), Size: table.Count(r.Size), Outside: r.Outside}
			for _, c := range columns {
				line.Cells = append(line.Cells, c.Cell(r))
			}
			g.Rows = append(g.Rows, line)
		}
	}
	return g
}

func sizesOf(results []document.Result) (sizes []int) {
	for _, r := range results {
		if !slices.Contains(sizes, r.Size) {
			sizes = append(sizes, r.Size)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// newMatrix tells whether languages were crossed, in which case it is worth showing.
func newMatrix(size int, results []document.Result) (m matrix, crossed bool) {
	m.Size = table.Count(size)
	medians := map[string]string{}
	present := map[string]bool{}
	for _, r := range results {
		if !r.Outside {
			crossed = crossed || r.Client != r.Server
			medians[r.Client+"/"+r.Server] = document.Duration(r.P50NS)
			present[r.Client], present[r.Server] = true, true
		}
	}
	for _, client := range peers.Known {
		if !present[client] {
			continue
		}
		m.Servers = append(m.Servers, shown(client))
		line := matrixRow{Client: shown(client)}
		for _, server := range peers.Known {
			if present[server] {
				line.Cells = append(line.Cells, medians[client+"/"+server])
			}
		}
		m.Clients = append(m.Clients, line)
	}
	return m, crossed
}

// anchor makes a name that an address may end with.
func (s section) Anchor() string { return strings.ReplaceAll(s.Name, " ", "-") }
