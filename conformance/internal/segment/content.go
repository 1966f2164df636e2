package segment

import (
	"errors"
	"fmt"
)

var errReachesBehind = errors.New("that reaches behind the end of the segment")

// fillPattern writes byte i = (seed + i) mod 256.
func fillPattern(data []byte, seed uint64) {
	for i := range data {
		data[i] = byte(seed + uint64(i))
	}
}

// checkPattern compares with the pattern, or with its complement.
func checkPattern(data []byte, seed uint64, xor bool) error {
	for i, got := range data {
		want := byte(seed + uint64(i))
		if xor {
			want = ^want
		}
		if got != want {
			return fmt.Errorf("byte %d is %#02x, not %#02x", i, got, want)
		}
	}
	return nil
}

// fuzz writes bytes that follow from a number.
func fuzz(data []byte, number uint64) {
	for i := range data {
		number = number*6364136223846793005 + 1442695040888963407
		data[i] = byte(number >> 56)
	}
}
