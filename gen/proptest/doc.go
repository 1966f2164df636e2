// Package proptest holds the property test of the whole generator: whatever valid spec it is given, the bindings of all four languages
// write and read the same bytes.
package proptest
