package value

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// FromYAML turns what the YAML decoder gives into the types of this package.
func FromYAML(v any) (any, error) {
	switch v := v.(type) {
	case int:
		return uint64(v), nil // negative numbers wrap, as they do in the words of the protocol
	case int64:
		return uint64(v), nil
	case uint64, string, bool:
		return v, nil
	case nil:
		return nil, errors.New("a value is missing")
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			converted, err := FromYAML(element)
			if err != nil {
				return nil, err
			}
			list[i] = converted
		}
		return list, nil
	case map[string]any:
		converted := make(map[string]any, len(v))
		for key, element := range v {
			c, err := FromYAML(element)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			converted[key] = c
		}
		return converted, nil
	default:
		return nil, fmt.Errorf("%v (%T) is no value of a suite", v, v)
	}
}

// FromJSON reads JSON into the types of this package.
func FromJSON(content []byte) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	return normalise(v)
}

func normalise(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		var signed int64
		var unsigned uint64
		if err := json.Unmarshal([]byte(v), &unsigned); err == nil {
			return unsigned, nil
		}
		if err := json.Unmarshal([]byte(v), &signed); err != nil {
			return nil, fmt.Errorf("%s is no integer of 64 bits", v)
		}
		return uint64(signed), nil
	case []any:
		for i := range v {
			element, err := normalise(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = element
		}
		return v, nil
	case map[string]any:
		for key := range v {
			element, err := normalise(v[key])
			if err != nil {
				return nil, err
			}
			v[key] = element
		}
		return v, nil
	default:
		return v, nil
	}
}

// comparisons are the keys of a map that says more than "equal": {least: 3}, {most: 9}, {not: 0}, {contains: text}, {one_of: [1, 2]},
// {has: element} and {lacks: element} of a list.
var comparisons = []string{"least", "most", "not", "contains", "one_of", "has", "lacks"}

// Match says how got differs from what a suite expects, "" when it does not. A map expects the members it names, a list all elements.
func Match(expected, got any) string {
	switch e := expected.(type) {
	case map[string]any:
		if isComparison(e) {
			return compare(e, got)
		}
		members, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("expected %s, got %s", Text(expected), Text(got))
		}
		var problems []string
		for _, key := range slices.Sorted(maps.Keys(e)) {
			member, there := members[key]
			if !there {
				problems = append(problems, key+" is missing")
			} else if problem := Match(e[key], member); problem != "" {
				problems = append(problems, key+": "+problem)
			}
		}
		return strings.Join(problems, "; ")
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(e) {
			return fmt.Sprintf("expected %s, got %s", Text(expected), Text(got))
		}
		for i := range e {
			if problem := Match(e[i], list[i]); problem != "" {
				return fmt.Sprintf("[%d]: %s", i, problem)
			}
		}
		return ""
	default:
		if expected != got {
			return fmt.Sprintf("expected %s, got %s", Text(expected), Text(got))
		}
		return ""
	}
}

func isComparison(e map[string]any) bool {
	for key := range e {
		if !slices.Contains(comparisons, key) {
			return false
		}
	}
	return len(e) > 0
}

func compare(e map[string]any, got any) string {
	for _, key := range slices.Sorted(maps.Keys(e)) {
		want := e[key]
		ok := false
		switch key {
		case "least", "most":
			n, isNumber := got.(uint64)
			bound, isBound := want.(uint64)
			ok = isNumber && isBound && (key == "least" && n >= bound || key == "most" && n <= bound)
		case "not":
			ok = Match(want, got) != ""
		case "contains":
			text, isText := got.(string)
			part, isPart := want.(string)
			ok = isText && isPart && strings.Contains(text, part)
		case "one_of":
			list, isList := want.([]any)
			ok = isList && slices.ContainsFunc(list, func(w any) bool { return Match(w, got) == "" })
		}
		if key == "has" || key == "lacks" {
			list, isList := got.([]any)
			found := slices.ContainsFunc(list, func(element any) bool { return Match(want, element) == "" })
			ok = isList && found == (key == "has")
		}
		if !ok {
			return fmt.Sprintf("expected %s %s, got %s", key, Text(want), Text(got))
		}
	}
	return ""
}

// Text prints a value for people: numbers that are negative as signed ones are shown as such too.
func Text(v any) string {
	switch v := v.(type) {
	case uint64:
		if v > math.MaxInt64 {
			return fmt.Sprintf("%d (%d)", v, int64(v))
		}
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%q", v)
	case nil:
		return "nothing"
	default:
		content, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(content)
	}
}
