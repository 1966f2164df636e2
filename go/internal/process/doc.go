// Package process tells whether a process lives by its id, the only sign of life that ZeroBuffer v1 has.
package process
