//go:build linux && race

package child

// The detector runs in the measured processes, too, and takes about as much as what it watches.
const idleLimit = 2 * idleWindow / 100
