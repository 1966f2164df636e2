package chaos

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Sample is what a living process uses, looked at while nothing is under way.
type Sample struct {
	Descriptors uint64 `json:"descriptors"`
	Threads     uint64 `json:"threads"`
	Mappings    uint64 `json:"mappings"` // of the run's shared memory
	Kibibytes   uint64 `json:"kib"`      // resident memory but for mapped files, which are its program
}

// What a survivor may use more at the end of its rounds than at their beginning. Runtimes start threads and grow heaps when they like;
// a leak of one thing per round goes beyond these in any run that is long enough to be judged. Mappings may not grow at all.
const (
	moreDescriptors = 2
	moreThreads     = 4
	moreKibibytes   = 16 << 10
	fewestSamples   = 6 // below, growth is not judged, and the report says so
)

// Growth is how much more a survivor used at the end than at the beginning.
type Growth struct {
	Side        string `json:"side"`
	Samples     int    `json:"samples"`
	Judged      bool   `json:"judged"`
	Descriptors int64  `json:"descriptors"`
	Threads     int64  `json:"threads"`
	Mappings    int64  `json:"mappings"`
	Kibibytes   int64  `json:"kib"`
}

// grown compares the most of the first third with the least of the last third: what a process uses now and then is no growth, what it
// never gives back is. The very first samples, while runtimes still warm up, can only make the beginning look larger.
func grown(side string, samples []Sample) Growth {
	third := len(samples) / 3
	g := Growth{Side: side, Samples: len(samples), Judged: len(samples) >= fewestSamples}
	if third == 0 {
		return g
	}
	first, last := samples[:third], samples[len(samples)-third:]
	difference := func(of func(Sample) uint64) int64 {
		byValue := func(a, b Sample) int { return int(int64(of(a)) - int64(of(b))) }
		return int64(of(slices.MinFunc(last, byValue))) - int64(of(slices.MaxFunc(first, byValue)))
	}
	g.Descriptors = difference(func(s Sample) uint64 { return s.Descriptors })
	g.Threads = difference(func(s Sample) uint64 { return s.Threads })
	g.Mappings = difference(func(s Sample) uint64 { return s.Mappings })
	g.Kibibytes = difference(func(s Sample) uint64 { return s.Kibibytes })
	return g
}

// err judges growth.
func (g Growth) err() error {
	if !g.Judged {
		return nil
	}
	for _, x := range []struct {
		what       string
		more, most int64
	}{
		{"descriptors", g.Descriptors, moreDescriptors}, {"threads", g.Threads, moreThreads},
		{"mappings of shared memory", g.Mappings, 0}, {"KiB of memory", g.Kibibytes, moreKibibytes},
	} {
		if x.more > x.most {
			return fmt.Errorf("the %s that lived through %d rounds has %d more %s in their last third than in their first", g.Side, g.Samples, x.more, x.what)
		}
	}
	return nil
}

// sample looks at a process; mappings are those of objects whose name begins with the prefix.
func sample(pid int, prefix string) (Sample, error) {
	var s Sample
	folder := fmt.Sprintf("/proc/%d/", pid)
	descriptors, err := os.ReadDir(folder + "fd")
	if err != nil {
		return s, err
	}
	s.Descriptors = uint64(len(descriptors))
	maps, err := os.ReadFile(folder + "maps")
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "/dev/shm/") && strings.Contains(line, prefix) {
			s.Mappings++
		}
	}
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(status)) {
		key, text, _ := strings.Cut(line, ":")
		var n uint64
		if _, err := fmt.Sscan(text, &n); err != nil {
			continue // no number, nothing that is looked for
		}
		switch key {
		case "Threads":
			s.Threads = n
		case "RssAnon", "RssShmem":
			s.Kibibytes += n
		}
	}
	return s, nil
}
