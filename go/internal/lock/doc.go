// Package lock has the two kinds of lock that the protocol uses: open-file-description locks on single bytes of the shared-memory
// object, which say who lives, and flock'ed owner files, which keep ZeroBuffer v1 processes away from a name.
package lock
