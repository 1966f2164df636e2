// Package ring has the two ends of the in-place duplex ring, without any operating system in them: Client claims, publishes and
// reclaims frames, Server's cursor walks over what was published and checks it.
//
// Both work on memory they are given, so that tests can run them on heap memory under the race detector. Neither locks: each end
// belongs to one process, whose SDK serialises the calls with one mutex (spec/PROTOCOL.md, "The ring").
//
// Offsets are cumulative: they only grow, and the position in the payload is the offset modulo the payload's size.
package ring
