// Package gen generates the bindings of every language and the tables of the protocol text from the spec.
//
// The way is always spec (YAML, checked) → ir (resolved) → one back end per language → output (compare, write).
package gen

//go:generate go run ./cmd/zdgen -root ..
