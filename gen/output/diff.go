package output

import (
	"fmt"
	"strings"
)

// context is how many unchanged lines a diff shows around a changed one.
const context = 3

// Diff shows the change line by line, '-' what the disk holds and '+' what it should hold.
func (c Change) Diff() string {
	var b strings.Builder
	switch {
	case c.Old == nil:
		fmt.Fprintf(&b, "%s: missing\n", c.Path)
	case c.New == nil:
		fmt.Fprintf(&b, "%s: stale, nothing generates it any more\n", c.Path)
		return b.String()
	default:
		fmt.Fprintf(&b, "%s: changed\n", c.Path)
	}
	ops := align(split(c.Old), split(c.New))
	for i, o := range ops {
		if o.sign == ' ' && !nearChange(ops, i) {
			continue
		}
		if i > 0 && ops[i-1].sign == ' ' && !nearChange(ops, i-1) {
			fmt.Fprintf(&b, "@@ line %d @@\n", o.line)
		}
		fmt.Fprintf(&b, "%c%s\n", o.sign, o.text)
	}
	return b.String()
}

func split(content []byte) []string {
	if len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// op is a line that stays (' '), goes ('-') or comes ('+'); line counts in the wanted file.
type op struct {
	sign byte
	text string
	line int
}

func nearChange(ops []op, i int) bool {
	for j := max(0, i-context); j <= min(len(ops)-1, i+context); j++ {
		if ops[j].sign != ' ' {
			return true
		}
	}
	return false
}

// align finds a longest common subsequence of lines, after what both have in front and at the end is set aside.
func align(old, wanted []string) []op {
	var head, tail int
	for head < min(len(old), len(wanted)) && old[head] == wanted[head] {
		head++
	}
	for tail < min(len(old), len(wanted))-head && old[len(old)-1-tail] == wanted[len(wanted)-1-tail] {
		tail++
	}
	a, b := old[head:len(old)-tail], wanted[head:len(wanted)-tail]
	// common[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var ops []op
	for k := range head {
		ops = append(ops, op{' ', wanted[k], k + 1})
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			ops = append(ops, op{' ', b[j], head + j + 1})
			i, j = i+1, j+1
		case j >= len(b) || (i < len(a) && common[i+1][j] >= common[i][j+1]):
			ops = append(ops, op{'-', a[i], head + j + 1})
			i++
		default:
			ops = append(ops, op{'+', b[j], head + j + 1})
			j++
		}
	}
	for k := len(wanted) - tail; k < len(wanted); k++ {
		ops = append(ops, op{' ', wanted[k], k + 1})
	}
	return ops
}
