package witness

import "time"

// WaitSlice is the longest sleep before a waiter of protocol v2 looks at its peer again, typed by hand; a test compares it with the spec.
const WaitSlice = 100 * time.Millisecond
