//go:build linux && !race

package zeroduplex

const raceEnabled = false
