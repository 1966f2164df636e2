// Package hostile is what tests need to give the library memory that a hostile or broken peer writes to: memory between pages that
// nobody may touch, programs of bytes that say what is written where, and a peer that writes while an operation reads.
// Only tests use it.
package hostile
