package suite

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

var (
	kebab    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	variable = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// hosts are the abilities of a machine that a case may ask for.
var hosts = []string{"root"}

// Agents are the actors that are agents, with their roles. Those with a 2 are second processes of the same language.
var Agents = map[string]string{
	"server": agentproto.RoleServer, "server2": agentproto.RoleServer,
	"client": agentproto.RoleClient, "client2": agentproto.RoleClient,
}

// Lookup finds an operation of an actor.
func Lookup(actor, operation string) (agentproto.OperationInfo, error) {
	role, isAgent := Agents[actor]
	if isAgent {
		if o, ok := agentproto.Operation(role, operation); ok {
			return o, nil
		}
		return agentproto.OperationInfo{}, fmt.Errorf("a %s has no operation %q", role, operation)
	}
	for _, o := range Own[actor] {
		if o.Name == operation {
			return o, nil
		}
	}
	if _, ok := Own[actor]; !ok {
		return agentproto.OperationInfo{}, fmt.Errorf("unknown actor %q", actor)
	}
	return agentproto.OperationInfo{}, fmt.Errorf("%s has no operation %q", actor, operation)
}

func (s *Suite) check() error {
	var errs []error
	if !kebab.MatchString(s.Name) || s.Title == "" || s.Doc == "" || len(s.Cases) == 0 {
		errs = append(errs, errors.New("a suite has a kebab-case name, a title, a doc and cases"))
	}
	names := map[string]bool{}
	for _, t := range s.Cases {
		if names[t.Name] {
			errs = append(errs, fmt.Errorf("case %q is there twice", t.Name))
		}
		names[t.Name] = true
		if err := t.check(); err != nil {
			errs = append(errs, fmt.Errorf("case %q: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (t *Template) check() error {
	var errs []error
	if !kebab.MatchString(t.Name) {
		errs = append(errs, errors.New("the name is not kebab-case"))
	}
	if t.Doc == "" {
		errs = append(errs, errors.New("the doc is missing: say what must hold"))
	}
	if len(t.Steps) == 0 {
		errs = append(errs, errors.New("there are no steps"))
	}
	for _, h := range t.Host {
		if !slices.Contains(hosts, h) {
			errs = append(errs, fmt.Errorf("unknown host ability %q", h))
		}
	}
	for _, a := range t.Axes {
		if !variable.MatchString(a.Name) || len(a.Values) == 0 {
			errs = append(errs, fmt.Errorf("axis %q needs a lower_snake_case name and values", a.Name))
		}
	}
	for _, p := range t.Preparations() {
		errs = append(errs, checkCall(p.Actor, p.Operation, p.Args))
	}
	errs = append(errs, checkSteps(t.Steps, map[string]bool{}))
	return errors.Join(errs...)
}

func checkSteps(steps []Step, background map[string]bool) error {
	var errs []error
	for _, s := range steps {
		if err := s.check(background); err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", s.Line, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Step) check(background map[string]bool) error {
	kinds := 0
	for _, set := range []bool{s.Do != "", s.Await != "", s.Pending != "", len(s.Steps) > 0} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("a step has exactly one of do, await, pending and steps")
	case len(s.Steps) > 0:
		if s.Repeat.Any == nil {
			return errors.New("steps inside a step need repeat")
		}
		return checkSteps(s.Steps, background)
	case s.Pending != "" || s.Await != "":
		if !background[s.Pending+s.Await] {
			return fmt.Errorf("nothing called %q runs in the background", s.Pending+s.Await)
		}
		return nil
	}
	if s.Background != "" {
		background[s.Background] = true
		if s.Expect != nil || s.Error != nil || s.Save != nil {
			return errors.New("what a background operation gives is judged where it is awaited")
		}
	}
	for name := range s.Save {
		if !variable.MatchString(name) {
			return fmt.Errorf("%q cannot be a variable", name)
		}
	}
	actor, operation, ok := strings.Cut(s.Do, ".")
	if !ok {
		return fmt.Errorf("do is %q, it should be actor.operation", s.Do)
	}
	return errors.Join(checkCall(actor, operation, s.With), s.checkExpect(actor, operation))
}

// Implied says that an argument may be left out because it is the case's channel.
func Implied(argument string) bool { return argument == "name" }

func checkCall(actor, operation string, args Map) error {
	info, err := Lookup(actor, operation)
	if err != nil {
		return err
	}
	var errs []error
	known := map[string]bool{}
	for _, f := range info.Args {
		known[f.Name] = true
		if _, given := args[f.Name]; !given && !f.Optional && !Implied(f.Name) {
			errs = append(errs, fmt.Errorf("%s.%s needs %q", actor, operation, f.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("%s.%s has no argument %q", actor, operation, name))
		}
	}
	return errors.Join(errs...)
}

// NoError stands among the errors of a step for that there may be none: the case leaves it open. Expect then looks at the result of one that
// succeeded, and failed (0 or 1) can be saved.
const NoError = "none"

// errorMembers are what Expect can look at when an error is expected.
var errorMembers = []string{"sequence", "status", "handler_message", "message"}

func (s *Step) checkExpect(actor, operation string) error {
	info, err := Lookup(actor, operation)
	if err != nil || info.Result == nil && len(s.Error) == 0 {
		return nil // the latter: a result with members that depend on the case, such as all fields of a segment
	}
	known := []string{"data"}
	for _, f := range info.Result {
		known = append(known, f.Name)
	}
	if len(s.Error) > 0 && !slices.Contains(s.Error, NoError) {
		known = errorMembers
	}
	for _, key := range slices.Sorted(maps.Keys(s.Expect)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s gives no %q, only %s", s.Do, key, strings.Join(known, ", "))
		}
	}
	return nil
}
