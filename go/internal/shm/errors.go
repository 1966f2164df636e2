package shm

import "errors"

// Errors that callers tell apart.
var (
	ErrExists     = errors.New("the name exists")
	ErrNotExist   = errors.New("no object of that name")
	ErrNotRegular = errors.New("not a regular file")
	ErrNoSpace    = errors.New("shared memory is full")
	ErrPermission = errors.New("access denied")
)
