// Package spin has the building blocks of short busy waits.
package spin
