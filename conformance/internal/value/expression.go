// Package value is what suites compute and compare with: integers of 64 bits, strings, booleans, lists and maps of them.
package value

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Scope gives variables their values: integers (uint64) or strings.
type Scope map[string]any

// Resolve replaces what a suite wrote by its value: a string "=expression" by a number or by a variable's value, "${name}" inside a
// string by the variable's text; lists and maps element by element.
func (s Scope) Resolve(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if expression, ok := strings.CutPrefix(v, "="); ok {
			return s.Evaluate(expression)
		}
		return s.interpolate(v)
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			resolved, err := s.Resolve(element)
			if err != nil {
				return nil, err
			}
			list[i] = resolved
		}
		return list, nil
	case map[string]any:
		resolved := make(map[string]any, len(v))
		for key, element := range v {
			r, err := s.Resolve(element)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			resolved[key] = r
		}
		return resolved, nil
	default:
		return v, nil
	}
}

func (s Scope) interpolate(text string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := s[name]
		if !closed || !known {
			return "", fmt.Errorf("${%s} is no variable", name)
		}
		fmt.Fprint(&b, value)
		text = after
	}
}

// Evaluate computes an expression: numbers, variables, + - * / %, parentheses, up(x) for x rounded up to 64, random(n) for a
// number below n that depends on the seed, the case and the loop index only. A variable alone may be a string.
func (s Scope) Evaluate(expression string) (any, error) {
	if v, ok := s[strings.TrimSpace(expression)]; ok {
		return v, nil
	}
	p := &parser{text: expression, scope: s}
	v, err := p.sum()
	if err == nil && p.skip() != 0 {
		err = fmt.Errorf("unexpected %q", p.text[p.at:])
	}
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, err)
	}
	return v, nil
}

type parser struct {
	text  string
	at    int
	scope Scope
}

// skip passes blanks and returns the next byte, 0 at the end.
func (p *parser) skip() byte {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) sum() (uint64, error) {
	left, err := p.product()
	for err == nil {
		operator := p.skip()
		if operator != '+' && operator != '-' {
			return left, nil
		}
		p.at++
		var right uint64
		right, err = p.product()
		if operator == '+' {
			left += right
		} else {
			left -= right
		}
	}
	return 0, err
}

func (p *parser) product() (uint64, error) {
	left, err := p.operand()
	for err == nil {
		operator := p.skip()
		if operator != '*' && operator != '/' && operator != '%' {
			return left, nil
		}
		p.at++
		var right uint64
		right, err = p.operand()
		switch {
		case err != nil:
		case operator == '*':
			left *= right
		case right == 0:
			err = errors.New("division by zero")
		case operator == '/':
			left /= right
		default:
			left %= right
		}
	}
	return 0, err
}

func (p *parser) operand() (uint64, error) {
	if p.skip() == '(' {
		return p.parenthesised()
	}
	start := p.at
	for p.at < len(p.text) && isWord(p.text[p.at]) {
		p.at++
	}
	word := p.text[start:p.at]
	if word == "" {
		return 0, fmt.Errorf("a number or a name is missing at %q", p.text[start:])
	}
	if word[0] >= '0' && word[0] <= '9' {
		return strconv.ParseUint(word, 0, 64)
	}
	if p.skip() == '(' {
		argument, err := p.parenthesised()
		if err != nil {
			return 0, err
		}
		return p.call(word, argument)
	}
	switch v := p.scope[word].(type) {
	case uint64:
		return v, nil
	case nil:
		return 0, fmt.Errorf("%q is no variable", word)
	default:
		return 0, fmt.Errorf("%q is no number", word)
	}
}

func (p *parser) parenthesised() (uint64, error) {
	p.at++
	v, err := p.sum()
	if err != nil {
		return 0, err
	}
	if p.skip() != ')' {
		return 0, errors.New("a ')' is missing")
	}
	p.at++
	return v, nil
}

func (p *parser) call(name string, argument uint64) (uint64, error) {
	switch name {
	case "up":
		return (argument + 63) &^ 63, nil
	case "random":
		if argument == 0 {
			return 0, errors.New("random(0)")
		}
		return p.scope.hash(p.text) % argument, nil
	default:
		return 0, fmt.Errorf("unknown function %q", name)
	}
}

// hash is the same for the same seed, case, expression and loop index, so that every language pair gets the same "random" numbers.
func (s Scope) hash(expression string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, s["seed"], "|", s["case"], "|", s["i"], "|", expression)
	// FNV's low bits are weak for short inputs.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
