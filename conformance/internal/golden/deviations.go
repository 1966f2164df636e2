package golden

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
	"gopkg.in/yaml.v3"
)

// Deviation is a difference that must be there.
type Deviation struct {
	// Name and Reason are printed with every replay.
	Name   string   `yaml:"name"`
	Reason string   `yaml:"reason"`
	Where  []Change `yaml:"where"`
}

// Change says what is different in some steps of a scenario. What was recorded is written down, too, and checked.
type Change struct {
	Scenario string `yaml:"scenario"`
	Steps    []int  `yaml:"steps"`  // the first and the last, or a single one
	Object   string `yaml:"object"` // request or response, of a duplex channel
	// Result is the recorded one and the one that is right: a result of the manifest's kind, or an error's name.
	Result []string `yaml:"result"`
	// Fields are the recorded and the right value of fields of the info block. Of a process id only 0 and 1 (set) matter.
	Fields map[string][2]uint64 `yaml:"fields"`
	// Semaphores are the recorded and the right value of w and r.
	Semaphores map[string][2]uint64 `yaml:"semaphores"`
	// Bytes are recorded and right bytes of the payload, in hexadecimal.
	Bytes []BytesChange `yaml:"bytes"`
	// SameAs is the step after which everything is right, because this one changes nothing.
	SameAs *int `yaml:"same_as"`
	// Ends means that nothing behind these steps can be compared any more.
	Ends bool `yaml:"ends"`
}

// BytesChange is a difference in the payload.
type BytesChange struct {
	At     uint64 `yaml:"at"`
	Golden string `yaml:"golden"`
	Right  string `yaml:"right"`
}

// ParseDeviations reads a list of deviations strictly.
func ParseDeviations(content []byte) ([]Deviation, error) {
	var file struct {
		Deviations []Deviation `yaml:"deviations"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("deviations: %w", err)
	}
	for _, d := range file.Deviations {
		if d.Name == "" || d.Reason == "" || len(d.Where) == 0 {
			return nil, fmt.Errorf("deviations: %q needs a name, a reason and where it is", d.Name)
		}
		for _, c := range d.Where {
			if c.Scenario == "" || len(c.Steps) == 0 || len(c.Steps) > 2 || len(c.Result) != 0 && len(c.Result) != 2 {
				return nil, fmt.Errorf("deviations: %q: every change has a scenario, one or two steps, and a result twice or not at all", d.Name)
			}
		}
	}
	return file.Deviations, nil
}

// checkDeviations says what is in the list and not in the manifest.
func checkDeviations(m *Manifest, deviations []Deviation) []string {
	var problems []string
	for _, d := range deviations {
		for _, c := range d.Where {
			there := slices.ContainsFunc(m.Scenarios, func(s Scenario) bool { return s.ID == c.Scenario && c.last() < len(s.Steps) })
			if !there {
				problems = append(problems, fmt.Sprintf("the deviation %s speaks of steps %v of %s, which are not there", d.Name, c.Steps, c.Scenario))
			}
		}
	}
	return problems
}

func (c *Change) last() int { return c.Steps[len(c.Steps)-1] }

func (c *Change) covers(step int) bool { return step >= c.Steps[0] && step <= c.last() }

// expected is what must be there after a step.
type expected struct {
	result     string
	objects    map[string]image
	deviations []string // their names
	ends       bool
}

// image is a buffer: pids masked, and what they were.
type image struct {
	content, golden []byte
	pids            map[string]bool
	semaphores      map[string]uint64
}

// expect applies the deviations to what was recorded.
func expect(s *Scenario, index int, snapshots map[string][]byte, deviations []Deviation) (*expected, error) {
	step := &s.Steps[index]
	e := &expected{result: step.Result, objects: map[string]image{}}
	for suffix, o := range step.objects() {
		e.objects[suffix] = recorded(o, snapshots)
	}
	for _, d := range deviations {
		used := false
		for i := range d.Where {
			c := &d.Where[i]
			if c.Scenario != s.ID || !c.covers(index) {
				continue
			}
			used = true
			if err := e.apply(c, s, snapshots, deviations); err != nil {
				return nil, fmt.Errorf("the deviation %s does not describe step %d: %w", d.Name, index, err)
			}
		}
		if used {
			e.deviations = append(e.deviations, d.Name)
		}
	}
	return e, nil
}

func recorded(o *object, snapshots map[string][]byte) image {
	content := append([]byte{}, snapshots[o.Snapshot]...)
	pids := segment.MaskPids(content)
	return image{content: content, golden: append([]byte{}, content...), pids: pids, semaphores: map[string]uint64{"w": o.SemW, "r": o.SemR}}
}

func (e *expected) apply(c *Change, s *Scenario, snapshots map[string][]byte, deviations []Deviation) error {
	e.ends = e.ends || c.Ends
	if len(c.Result) == 2 {
		if e.result != c.Result[0] {
			return fmt.Errorf("the recorded result is %q, not %q", e.result, c.Result[0])
		}
		e.result = c.Result[1]
	}
	if c.SameAs != nil {
		before, err := expect(s, *c.SameAs, snapshots, deviations)
		if err != nil {
			return err
		}
		for suffix, o := range before.objects {
			o.golden = e.objects[suffix].golden
			e.objects[suffix] = o
		}
	}
	if len(c.Fields) == 0 && len(c.Semaphores) == 0 && len(c.Bytes) == 0 {
		return nil
	}
	suffix := ""
	if c.Object != "" {
		suffix = "_" + c.Object
	}
	o, there := e.objects[suffix]
	if !there {
		return fmt.Errorf("there is no object %q", c.Object)
	}
	if err := o.changeFields(c.Fields); err != nil {
		return err
	}
	for name, values := range c.Semaphores {
		if o.semaphores[name] != values[0] {
			return fmt.Errorf("the recorded semaphore %s is %d, not %d", name, o.semaphores[name], values[0])
		}
		o.semaphores[name] = values[1]
	}
	for _, b := range c.Bytes {
		if err := o.changeBytes(b); err != nil {
			return err
		}
	}
	return nil
}

func (o *image) changeFields(fields map[string][2]uint64) error {
	for name, values := range fields {
		if set, isPid := o.pids[name]; isPid {
			if set != (values[0] != 0) {
				return fmt.Errorf("%s was recorded otherwise", name)
			}
			o.pids[name] = values[1] != 0
			continue
		}
		at, known := witness.Structs["oieb_v1"].Fields[name]
		if !known || at[1] != 8 {
			return fmt.Errorf("there is no field %q", name)
		}
		if was := binary.LittleEndian.Uint64(o.content[at[0]:]); was != values[0] {
			return fmt.Errorf("the recorded %s is %d, not %d", name, was, values[0])
		}
		binary.LittleEndian.PutUint64(o.content[at[0]:], values[1])
	}
	return nil
}

func (o *image) changeBytes(b BytesChange) error {
	was, err := hex.DecodeString(b.Golden)
	if err != nil {
		return err
	}
	right, err := hex.DecodeString(b.Right)
	if err != nil {
		return err
	}
	start := segment.BufferPayload(o.content) + b.At
	if len(was) != len(right) || start+uint64(len(was)) > uint64(len(o.content)) {
		return fmt.Errorf("bytes at %d: %d and %d of them, in a buffer of %d", b.At, len(was), len(right), len(o.content))
	}
	place := o.content[start : start+uint64(len(was))]
	if !bytes.Equal(place, was) {
		return fmt.Errorf("the recorded bytes at %d are % x", b.At, place)
	}
	copy(place, right)
	return nil
}
