// Package shm creates, opens and maps the POSIX shared-memory objects that channels live in.
package shm
