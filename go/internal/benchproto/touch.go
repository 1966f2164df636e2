package benchproto

import "fmt"

// Touch says how much of a frame both sides touch.
type Touch string

// What --touch accepts.
const (
	TouchNone Touch = "none" // the frame number only, which the client finds again
	TouchFill Touch = "fill" // client fills all, server inverts the first AnswerSize bytes, client reads these and the last one
	TouchPage Touch = "page" // client fills all, server inverts and client reads one byte per page
	TouchAll  Touch = "all"  // client fills all, server inverts and client reads all
)

// ParseTouch accepts exactly the four values.
func ParseTouch(s string) (Touch, error) {
	switch t := Touch(s); t {
	case TouchNone, TouchFill, TouchPage, TouchAll:
		return t, nil
	}
	return "", fmt.Errorf("touch %q is not one of none, fill, page, all", s)
}
