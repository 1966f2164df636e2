//go:build linux && !race

package child

// One per cent of a core.
const idleLimit = idleWindow / 100
