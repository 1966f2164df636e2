// Package suite reads the YAML suites strictly and expands their axes into cases. What a case means is in docs/authoring-cases.md.
package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
	"gopkg.in/yaml.v3"
)

// Suite is one file.
type Suite struct {
	Name  string     `yaml:"suite"` // the file's name without .yaml
	Title string     `yaml:"title"`
	Doc   string     `yaml:"doc"`
	Order int        `yaml:"order"` // place among the suites, from what is simple to what is rare
	Cases []Template `yaml:"cases"`
}

// Template is a case as written, with its axes.
type Template struct {
	Name string `yaml:"name"`
	Doc  string `yaml:"doc"`
	// Axes are expanded into one case per combination.
	Axes Axes `yaml:"axes"`
	// Capabilities are what both agents must have said they can do; else the case is unsupported.
	Capabilities []string `yaml:"capabilities"`
	// Host is what the machine must allow, such as root; else the case is not run.
	Host []string `yaml:"host"`
	// TimeoutMs is the watchdog's patience with the whole case.
	TimeoutMs uint64 `yaml:"timeout_ms"`
	// Handlers are arguments of set_handler on the server, called before everything else.
	Handlers []Map `yaml:"handlers"`
	// Server, when given, creates and starts the channel with these arguments before the steps.
	Server *Map `yaml:"server"`
	// Client, when given, connects with these arguments before the steps.
	Client *Map `yaml:"client"`
	// Reader, when given, creates a v1 buffer with these arguments before the steps.
	Reader *Map `yaml:"reader"`
	// Writer, when given, attaches to the v1 buffer with these arguments before the steps.
	Writer *Map   `yaml:"writer"`
	Steps  []Step `yaml:"steps"`
}

// Preparation is a call that a case makes before its steps.
type Preparation struct {
	Actor, Operation string
	Args             Map
}

// Preparations are the calls before the steps, in their order.
func (t *Template) Preparations() []Preparation {
	var all []Preparation
	add := func(actor, operation string, args *Map) {
		if args != nil {
			all = append(all, Preparation{actor, operation, *args})
		}
	}
	for i := range t.Handlers {
		add("server", agentproto.OpSetHandler, &t.Handlers[i])
	}
	add("server", agentproto.OpCreate, t.Server)
	if t.Server != nil {
		add("server", agentproto.OpStart, &Map{})
	}
	add("client", agentproto.OpConnect, t.Client)
	add("server", agentproto.OpCreateReader, t.Reader)
	add("client", agentproto.OpConnectWriter, t.Writer)
	return all
}

// Roles says which of the two roles a case needs an agent for. One that needs a single one has nothing to do with pairs.
func (t *Template) Roles() (server, client bool) {
	actors := map[string]bool{}
	for _, p := range t.Preparations() {
		actors[p.Actor] = true
	}
	collectActors(t.Steps, actors)
	for actor, role := range Agents {
		server = server || actors[actor] && role == agentproto.RoleServer
		client = client || actors[actor] && role == agentproto.RoleClient
	}
	return server, client
}

// collectActors collects whom steps speak to, and of whom the runner's own operations speak.
func collectActors(steps []Step, actors map[string]bool) {
	for _, s := range steps {
		actor, _, _ := strings.Cut(s.Do, ".")
		actors[actor] = true
		named, _ := s.With["actor"].(string)
		actors[named] = true
		list, _ := s.With["actors"].([]any)
		for _, a := range list {
			named, _ := a.(string)
			actors[named] = true
		}
		collectActors(s.Steps, actors)
	}
}

// Step is one thing to do and what must come of it. Exactly one of Do, Await, Pending and Steps is set.
type Step struct {
	Do   string `yaml:"do"`   // actor.operation
	With Map    `yaml:"with"` // its arguments
	// Background gives the operation a name and does not wait for it.
	Background string `yaml:"background"`
	// Await waits for a background operation; Pending demands that it has not come back yet.
	Await   string `yaml:"await"`
	Pending string `yaml:"pending"`
	// Error is the one error name that is expected, or several that are equally right. Expect then looks at the error.
	Error  Names             `yaml:"error"`
	Expect Map               `yaml:"expect"`
	Save   map[string]string `yaml:"save"` // variable: member of the result
	// AtLeastMs and AtMostMs bound how long the operation took, as the runner sees it.
	AtLeastMs uint64 `yaml:"at_least_ms"`
	AtMostMs  uint64 `yaml:"at_most_ms"`
	// Repeat does the step, or Steps, so many times with the variable i from 0.
	Repeat Value  `yaml:"repeat"`
	Steps  []Step `yaml:"steps"`

	Line int `yaml:"-"`
}

// Map is a map of values.
type Map map[string]any

// Value is any value.
type Value struct{ Any any }

// Names is a string or a list of strings.
type Names []string

// Axis is a variable and its values.
type Axis struct {
	Name   string
	Values []any
}

// Axes are in the order in which they were written.
type Axes []Axis

// UnmarshalYAML reads a map in this program's types.
func (m *Map) UnmarshalYAML(node *yaml.Node) error {
	var raw map[string]any
	if err := node.Decode(&raw); err != nil {
		return err
	}
	converted, err := value.FromYAML(raw)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	*m = converted.(map[string]any)
	return nil
}

// UnmarshalYAML reads a value in this program's types.
func (v *Value) UnmarshalYAML(node *yaml.Node) error {
	var raw any
	if err := node.Decode(&raw); err != nil {
		return err
	}
	converted, err := value.FromYAML(raw)
	v.Any = converted
	return err
}

// UnmarshalYAML reads a string or a list of strings.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode((*[]string)(n))
	}
	var name string
	err := node.Decode(&name)
	*n = Names{name}
	return err
}

// UnmarshalYAML keeps the order of the axes.
func (a *Axes) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: axes are a map of lists", node.Line)
	}
	for i := 0; i < len(node.Content); i += 2 {
		var raw []any
		if err := node.Content[i+1].Decode(&raw); err != nil {
			return err
		}
		converted, err := value.FromYAML(raw)
		if err != nil {
			return fmt.Errorf("line %d: %w", node.Content[i].Line, err)
		}
		*a = append(*a, Axis{Name: node.Content[i].Value, Values: converted.([]any)})
	}
	return nil
}

// plainStep is Step without its own decoding.
type plainStep Step

// UnmarshalYAML remembers the line, and does what KnownFields would: the decoder forgets it inside custom decoding.
func (s *Step) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i += 2 {
		if key := node.Content[i].Value; !stepKeys[key] {
			return fmt.Errorf("line %d: a step has no %q", node.Content[i].Line, key)
		}
	}
	if err := node.Decode((*plainStep)(s)); err != nil {
		return err
	}
	s.Line = node.Line
	return nil
}

var stepKeys = map[string]bool{
	"do": true, "with": true, "background": true, "await": true, "pending": true, "error": true, "expect": true, "save": true,
	"at_least_ms": true, "at_most_ms": true, "repeat": true, "steps": true,
}

// Load reads every .yaml file of a folder.
func Load(folder fs.FS) ([]*Suite, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	var suites []*Suite
	var errs []error
	for _, name := range names {
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		s, err := Parse(name, content)
		suites, errs = append(suites, s), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(suites, func(a, b *Suite) int { return a.Order - b.Order })
	return suites, nil
}

// Parse reads one suite and checks everything about it that can be known without running it.
func Parse(file string, content []byte) (*Suite, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var s Suite
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := decoder.Decode(new(Suite)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	if want := strings.TrimSuffix(path.Base(file), ".yaml"); s.Name != want {
		return nil, fmt.Errorf("%s: suite is %q, the file's name asks for %q", file, s.Name, want)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &s, nil
}
